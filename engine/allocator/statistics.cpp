#include "engine/allocator/statistics.h"

#include <algorithm>

#include "engine/allocator/process_allocator.h"
#include "engine/allocator/span_snapshot.h"

namespace strata::allocator {
namespace {

HeldMemory held_memory(const SliceStatistics& slices, const RecycledStatistics& recycled) noexcept {
  return {.reserved_bytes = slices.reserved_bytes,
          .committed_bytes = slices.committed_bytes,
          .in_use_bytes = slices.in_use_bytes,
          .dirty_free_bytes = slices.dirty_free_bytes,
          .purged_in_use_bytes = recycled.purged_page_bytes,
          .purged_bytes = slices.purged_bytes + recycled.purged_bytes,
          .purge_calls = slices.purge_calls + recycled.purge_calls,
          .purge_failures = slices.purge_failures + recycled.purge_failures,
          .map_bytes = slices.metadata_bytes,
          .limit_bytes = slices.limit_bytes,
          .refused = slices.refused};
}

HeldMemory held_memory_locked() noexcept {
  process.slices.mutex().assert_held();
  process.recycled.mutex().assert_held();
  return held_memory(process.slices.statistics_locked(), process.recycled.statistics_locked());
}

void add_class_span(ClassUsage& of_class, const SpanSnapshot& span, const UsedBlocks& used) noexcept {
  of_class.block_bytes = span.block_bytes;
  ++of_class.spans;
  of_class.capacity += span.capacity;
  of_class.carved += span.carved;
  of_class.used += used.blocks;
  const std::size_t bin = std::size_t{span.used} * kOccupancyBins / span.capacity;
  ++of_class.occupancy[std::min(bin, kOccupancyBins - 1)];
}

void add_span(AllocatorStatistics& out, const SpanSnapshot& span, const ReadableHeaps& heaps) noexcept {
  if (span.use == SpanUse::allocator) out.metadata_bytes += span.bytes;
  const UsedBlocks used = count_used(span, heaps);
  out.used_blocks += used.blocks;
  out.used_bytes += used.bytes;
  if (span.use == SpanUse::large) {
    ++out.large_blocks;
    out.large_bytes += span.bytes;
    out.large_requested_bytes += span.large_bytes;
  } else if (span.granules != nullptr && span.heap == nullptr) {
    ++out.recycled_spans;
    out.recycled_used_bytes += used.bytes;
  } else if (span.granules != nullptr) {
    ++out.granule_spans;
    out.granule_used_bytes += used.bytes;
  } else if (span.block_bytes != 0) {
    add_class_span(out.classes[span.size_class], span, used);
  }
}

void add_counters(AllocatorStatistics& out, const HeapStatistics& counted) noexcept {
  out.blocks_taken += counted.blocks_taken;
  out.bytes_taken += counted.bytes_taken;
  out.blocks_returned += counted.blocks_returned;
  out.bytes_returned += counted.bytes_returned;
  out.refills += counted.refills;
}

void add_heaps(AllocatorStatistics& out) noexcept {
  process.heaps_mutex.assert_held();
  out.threads = process.heaps_in_use.load(std::memory_order_relaxed);
  out.thread_heaps = process.heap_count;
  for (const Heap* heap = process.registered_heaps; heap != nullptr; heap = heap->next_registered)
    add_counters(out, read_counters(*heap));
  for (const SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered) {
    heap->mutex().assert_held();
    ++out.shared_heaps;
    add_counters(out, heap->statistics());
  }
  add_counters(out, process.of_destroyed_heaps);
}

void derive(AllocatorStatistics& out, std::uint64_t record_bytes) noexcept {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    ClassUsage& of_class = out.classes[size_class];
    of_class.block_bytes = static_cast<std::uint32_t>(class_bytes(size_class));
    const std::uint32_t blocks = blocks_of_class(size_class);
    const auto needed = static_cast<std::uint32_t>((of_class.used + blocks - 1) / blocks);
    of_class.recoverable_spans = of_class.spans - std::min(of_class.spans, needed);
  }
  const std::uint64_t held = out.held.in_use_bytes - record_bytes;
  if (held != 0) out.fragmentation = 1.0 - static_cast<double>(out.used_bytes) / static_cast<double>(held);
}

// visit(span): of each span of blocks or large.
template <typename Visit>
void for_each_span(Visit visit) noexcept {
  process.slices.mutex().assert_held();
  const std::uint32_t frontier = process.slices.frontier_locked();
  for (std::uint32_t slice = 0; slice < frontier;) {
    const Span& span = *process.map.entry(slice);
    slice += span.slices;
    if (span.use != SpanUse::free) visit(read_span(span));
  }
}

HeapDescription describe(const Heap& heap) noexcept {
  return {.id = heap.number, .is_shared = false, .is_in_use = !heap.is_put_aside()};
}

HeapDescription describe(const SharedHeap& heap) noexcept {
  heap.mutex().assert_held();
  const HeapUsage usage = heap.usage_locked();
  HeapDescription told{.id = heap.id(), .is_shared = true, .is_in_use = true, .strategy = heap.strategy()};
  std::copy_n(heap.name(), told.name.size(), told.name.begin());
  for (const Span* span = heap.spans().first(); span != nullptr; span = heap.spans().next(*span))
    told.spans += span->use == SpanUse::allocator ? 0 : 1;
  told.held_bytes = usage.held_bytes;
  told.used_bytes = usage.used_bytes;
  told.limit_bytes = usage.limit_bytes;
  return told;
}

}  // namespace

AllocatorStatistics read_statistics() noexcept {
  AllocatorStatistics out;
  if (!start_process_allocator()) return out;
  current_heap->deliver();
  lock_process();
  out.held = held_memory_locked();
  out.metadata_bytes = out.held.map_bytes;
  const ReadableHeaps heaps = readable_heaps();
  for_each_span([&](const SpanSnapshot& span) { add_span(out, span, heaps); });
  add_heaps(out);
  unlock_process();
  derive(out, out.metadata_bytes - out.held.map_bytes);
  return out;
}

HeldMemory read_held_memory() noexcept {
  // Before its start the allocator has no slices to ask about.
  if (!start_process_allocator()) return {};
  return held_memory(process.slices.statistics(), process.recycled.statistics());
}

std::size_t read_heaps(HeapDescription* heaps, std::size_t most) noexcept {
  if (!start_process_allocator()) return 0;
  current_heap->deliver();
  lock_process();
  process.heaps_mutex.assert_held();
  const std::size_t thread_heaps = process.heap_count;
  std::size_t count = thread_heaps;
  for (const Heap* heap = process.registered_heaps; heap != nullptr; heap = heap->next_registered) {
    if (heap->number < most) heaps[heap->number] = describe(*heap);
  }
  for (const SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered, ++count) {
    if (count < most) heaps[count] = describe(*heap);
  }
  const ReadableHeaps readable = readable_heaps();
  for_each_span([&](const SpanSnapshot& span) {
    if (span.heap != nullptr || span.owner == nullptr || span.owner->number >= most) return;
    HeapDescription& of_owner = heaps[span.owner->number];
    ++of_owner.spans;
    of_owner.held_bytes += span.bytes;
    of_owner.used_bytes += count_used(span, readable).bytes;
  });
  unlock_process();
  return count;
}

}  // namespace strata::allocator
