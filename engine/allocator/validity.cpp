#include "engine/allocator/validity.h"

#include "engine/allocator/free_links.h"
#include "engine/allocator/process_allocator.h"
#include "engine/allocator/span_snapshot.h"

namespace strata::allocator {
namespace {

bool invalid(Invalidity* what, const char* reason, const void* where) noexcept {
  if (what != nullptr) *what = {.reason = reason, .where = where};
  return false;
}

// Counts a list of free blocks of a span and marks them. False: one is none, or is there twice.
bool count_list(const std::byte* start, const Span& span, const Block* list, BlockBits& seen, std::uint32_t& count) noexcept {
  for (; list != nullptr; list = next_of(*list)) {
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(list) - start);
    const std::size_t number = offset / span.block_bytes;
    if (offset % span.block_bytes != 0 || number >= span.carved || !seen.set(static_cast<std::uint32_t>(number))) return false;
    ++count;
  }
  return true;
}

bool is_valid_class_span(SliceMap& map, const Span& span, const SharedWord& shared, Invalidity* what) noexcept {
  const SizeClass size_class = span.size_class;
  if (size_class >= kSizeClasses || span.block_bytes != class_bytes(size_class) || span.slices != slices_of_class(size_class))
    return invalid(what, "the span is not as its class is", &span);
  if (span.carved > span.capacity || span.capacity != blocks_of_class(size_class))
    return invalid(what, "more blocks than the span has room for", &span);
  BlockBits seen;
  std::uint32_t free_blocks = 0;
  std::uint32_t freed_by_others = 0;
  if (!count_list(map.start_of(span), span, span.free_list, seen, free_blocks))
    return invalid(what, "the list of free blocks is damaged", &span);
  if (!count_list(map.start_of(span), span, shared.list(), seen, freed_by_others))
    return invalid(what, "the list of blocks that others freed is damaged", &span);
  if (freed_by_others != shared.count()) return invalid(what, "the blocks that others freed are miscounted", &span);
  if (span.used + free_blocks != span.carved) return invalid(what, "used + length(free_list) != carved", &span);
  if (freed_by_others > span.used) return invalid(what, "others freed more blocks than were in use", &span);
  if (shared.possession() == Possession::full && (span.used != span.capacity || span.queued.load(std::memory_order_relaxed)))
    return invalid(what, "a full span has free blocks or is queued", &span);
  if (span.kept_empty && span.used != 0) return invalid(what, "a span kept as empty has blocks in use", &span);
  return true;
}

bool is_valid_granule_span(const Span& span, Invalidity* what) noexcept {
  if (span.granules == nullptr || span.slices != 1) return invalid(what, "a span of granules has no record", &span);
  const Granules& map = *span.granules;
  std::uint32_t used = 0;
  for (std::uint32_t at = 0; at < Granules::kCount;) {
    const std::uint32_t begin = map.find_used(at, true);
    if (map.find_start(at) < begin) return invalid(what, "a block begins where nothing is used", &span);
    if (begin == Granules::kCount) break;
    if (!map.starts_at(begin)) return invalid(what, "what is used begins with no block", &span);
    at = map.find_used(begin, false);
    used += at - begin;
  }
  if (used != map.used_count) return invalid(what, "the used granules are miscounted", &span);
  if (map.longest_run() > map.longest) return invalid(what, "a hole is longer than the longest", &span);
  return true;
}

bool are_at_hand_valid(const Heap& heap, SizeClass size_class, Invalidity* what) noexcept {
  const SliceMap& map = *heap.shared().map;
  const std::uint32_t count = heap.at_hand().count(size_class);
  if (count == 0) return true;
  void* const* const blocks = heap.at_hand().oldest(size_class);
  for (std::uint32_t index = 0; index < count; ++index) {
    for (std::uint32_t other = 0; other < index; ++other) {
      if (blocks[other] == blocks[index]) return invalid(what, "a block is at hand twice", blocks[index]);
    }
    if (!map.contains(blocks[index])) return invalid(what, "what is at hand is no block", blocks[index]);
    const Span& span = *map.first_of(map.entry_of(blocks[index]));
    if (span.use != SpanUse::blocks) return invalid(what, "what is at hand lies in no span of blocks", blocks[index]);
    if (span.shared.load(std::memory_order_relaxed).possession() == Possession::recycled) continue;
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(blocks[index]) - map.start_of(span));
    if (span.size_class != size_class || offset % span.block_bytes != 0 || offset / span.block_bytes >= span.carved)
      return invalid(what, "what is at hand is no block of its class", blocks[index]);
  }
  return true;
}

bool is_valid_free_range(SliceMap& map, const Span& range, Invalidity* what) noexcept {
  const std::uint32_t first = map.number_of(range);
  const Span& last = *map.entry(first + range.slices - 1);
  if (range.first_slice != first || last.use != SpanUse::free || last.slices != range.slices || last.first_slice != first)
    return invalid(what, "the ends of a free range do not agree", &range);
  if (range.shared_heap.load(std::memory_order_relaxed) != nullptr)
    return invalid(what, "a free range belongs to a heap", &range);
  if (range.owner.load(std::memory_order_relaxed) != nullptr) return invalid(what, "a free range has an owner", &range);
  return true;
}

bool are_tails_valid(SliceMap& map, const Span& span, Invalidity* what) noexcept {
  const std::uint32_t first = map.number_of(span);
  for (std::uint32_t slice = first + 1; slice < first + span.slices; ++slice) {
    const Span& tail = *map.entry(slice);
    if (tail.use != SpanUse::tail || tail.first_slice != first || tail.owner.load(std::memory_order_relaxed) != nullptr)
      return invalid(what, "a later slice of a span of blocks does not know it", &tail);
  }
  return true;
}

}  // namespace

bool is_valid(SliceMap& map, const Span& span, Invalidity* what) noexcept {
  if (span.slices == 0) return invalid(what, "a span without slices", &span);
  switch (span.use) {
    case SpanUse::free: return is_valid_free_range(map, span, what);
    case SpanUse::large: {
      const std::uint64_t held = std::uint64_t{span.slices} << kSliceShift;
      if (span.large_bytes > held) return invalid(what, "a large block is longer than its slices", &span);
      return true;
    }
    case SpanUse::allocator: return true;
    case SpanUse::blocks: break;
    case SpanUse::none:
    case SpanUse::tail: return invalid(what, "no span begins here", &span);
  }
  const SharedWord shared = span.shared.load(std::memory_order_acquire);
  const SharedHeap* const heap = span.shared_heap.load(std::memory_order_relaxed);
  if (shared.possession() == Possession::recycled || (heap != nullptr && heap->strategy() != HeapStrategy::size_class))
    return is_valid_granule_span(span, what);
  return are_tails_valid(map, span, what) && is_valid_class_span(map, span, shared, what);
}

bool is_valid(const Heap& heap, Invalidity* what) noexcept {
  std::uint32_t empty = 0;
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const Span* previous = nullptr;
    for (const Span* span = heap.queue(size_class).first(); span != nullptr; previous = span, span = span->next) {
      if (span->previous != previous) return invalid(what, "a queue is damaged", span);
      if (span->use != SpanUse::blocks || span->size_class != size_class)
        return invalid(what, "a span is queued for another class", span);
      if (span->owner.load(std::memory_order_relaxed) != &heap || span->home.load(std::memory_order_relaxed) != &heap ||
          !span->queued.load(std::memory_order_relaxed))
        return invalid(what, "a queued span is not this heap's", span);
      if (span->shared.load(std::memory_order_relaxed).possession() != Possession::owned)
        return invalid(what, "a queued span is not possessed as owned", span);
      if (!is_valid(*heap.shared().map, *span, what)) return false;
      empty += span->kept_empty ? 1U : 0U;
    }
    if (heap.queue(size_class).last() != previous) return invalid(what, "a queue's end is not its last span", &heap);
    if (!are_at_hand_valid(heap, size_class, what)) return false;
  }
  if (empty != heap.empty_count()) return invalid(what, "the spans kept empty are miscounted", &heap);
  return true;
}

bool is_valid(const SharedHeap& heap, Invalidity* what) noexcept {
  const sync::MutexLock lock(heap.mutex());
  const HeapUsage usage = heap.usage_locked();
  std::uint64_t held_bytes = 0;
  std::uint64_t record_bytes = kSliceBytes;
  UsedBlocks used;
  const Span* previous = nullptr;
  for (const Span* span = heap.spans().first(); span != nullptr; previous = span, span = heap.spans().next(*span)) {
    if (span->shared_heap.load(std::memory_order_relaxed) != &heap) return invalid(what, "a span is of another heap", span);
    if (previous != nullptr && span->previous_in_heap != process.map.number_of(*previous))
      return invalid(what, "the heap's list of spans is damaged", span);
    if (!is_valid(process.map, *span, what)) return false;
    (span->use == SpanUse::allocator ? record_bytes : held_bytes) += std::uint64_t{span->slices} << kSliceShift;
    const UsedBlocks in_span = count_used(read_span(*span), {});
    used.blocks += in_span.blocks;
    used.bytes += in_span.bytes;
  }
  if (held_bytes != usage.held_bytes || record_bytes != usage.record_bytes)
    return invalid(what, "the heap's slices are miscounted", &heap);
  if (usage.limit_bytes != 0 && held_bytes > usage.limit_bytes) return invalid(what, "the heap is over its limit", &heap);
  if (used.blocks != usage.used_blocks || used.bytes != usage.used_bytes)
    return invalid(what, "the heap's blocks are miscounted", &heap);
  return heap.strategy() != HeapStrategy::size_class || is_valid(heap.classes(), what);
}

bool is_valid(SliceMap& map, SliceAllocator& slices, Invalidity* what) noexcept {
  const SliceStatistics counted = slices.statistics();
  const std::uint32_t frontier = slices.frontier();
  std::uint32_t in_use = 0;
  std::uint32_t dirty = 0;
  bool after_free = false;
  for (std::uint32_t slice = 0; slice < frontier;) {
    const Span& span = *map.entry(slice);
    if (span.use == SpanUse::none || span.use == SpanUse::tail || span.slices == 0 || span.slices > frontier - slice)
      return invalid(what, "no span begins where the one before it ends", &span);
    const bool is_free = span.use == SpanUse::free;
    if (is_free && after_free) return invalid(what, "two free ranges are neighbours", &span);
    if (is_free && !is_valid_free_range(map, span, what)) return false;
    if (is_free) {
      dirty += map.dirty().count(slice, slice + span.slices);
    } else {
      in_use += span.slices;
    }
    after_free = is_free;
    slice += span.slices;
  }
  if (std::uint64_t{in_use} << kSliceShift != counted.in_use_bytes) return invalid(what, "slices in use are miscounted", &slices);
  if (std::uint64_t{dirty} << kSliceShift != counted.dirty_free_bytes)
    return invalid(what, "dirty free slices are miscounted", &slices);
  return true;
}

namespace {

// The heaps of threads and the shared ones.
bool are_heaps_valid(Invalidity* what) noexcept {
  const sync::MutexLock lock(process.heaps_mutex);
  for (const Heap* heap = process.registered_heaps; heap != nullptr; heap = heap->next_registered) {
    if (!is_valid(*heap, what)) return false;
  }
  for (const SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered) {
    if (!is_valid(*heap, what)) return false;
  }
  return true;
}

}  // namespace

bool is_process_valid(Invalidity* what) noexcept {
  if (!start_process_allocator()) return true;
  if (!is_valid(process.map, process.slices, what)) return false;
  const std::uint32_t frontier = process.slices.frontier();
  for (std::uint32_t slice = 0; slice < frontier; slice += process.map.entry(slice)->slices) {
    if (!is_valid(process.map, *process.map.entry(slice), what)) return false;
  }
  return are_heaps_valid(what);
}

}  // namespace strata::allocator
