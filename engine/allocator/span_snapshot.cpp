#include "engine/allocator/span_snapshot.h"

#include <algorithm>

#include "engine/allocator/free_links.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/process_allocator.h"

namespace strata::allocator {
namespace {

// The owner of a span writes these while they are read here, plainly, as it is on the way of every block. Nothing is concluded from them
// that needs them to be in step; the thread sanitizer is not asked.
#if defined(__clang__)
#define STRATA_READS_OTHERS __attribute__((no_sanitize("thread"), noinline))
#else
#define STRATA_READS_OTHERS __attribute__((no_sanitize_thread, noinline))
#endif

template <typename Field>
STRATA_READS_OTHERS Field peek(const Field& field) noexcept {
  Field value;
  __atomic_load(&field, &value, __ATOMIC_RELAXED);
  return value;
}

// What comes behind a free block, or what a program's bytes there mean.
STRATA_READS_OTHERS const Block* peek_next(const Block* block) noexcept {
  Block copy{};
  __atomic_load(&block->next, &copy.next, __ATOMIC_RELAXED);
  if constexpr (!kLinksAreEncoded) return copy.next;
  return decode_link(reinterpret_cast<std::uintptr_t>(copy.next), block);
}

constexpr std::uint32_t kNoBlock = BlockBits::kMost;

// The number of the block that begins there; kNoBlock: none of those made.
std::uint32_t number_of(const SpanSnapshot& span, const void* address) noexcept {
  if (!span.contains(address)) return kNoBlock;
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - span.start);
  const std::size_t number = offset / span.block_bytes;
  return offset % span.block_bytes == 0 && number < span.carved ? static_cast<std::uint32_t>(number) : kNoBlock;
}

void mark_list(const SpanSnapshot& span, const Block* list, BlockBits& free) noexcept {
  for (std::uint32_t number = number_of(span, list); number != kNoBlock; number = number_of(span, list)) {
    // A second time: a circle, made of links that were read at different times.
    if (!free.set(number)) return;
    list = peek_next(list);
  }
}

bool goes_on_elsewhere(const SpanSnapshot& span) noexcept {
  if (span.use != SpanUse::blocks || span.heap != nullptr) return false;
  if (span.possession == Possession::abandoned || span.granules != nullptr) return false;
  if (span.owner == nullptr) return true;  // just taken
  for (const Heap* readable : readable_heaps()) {
    if (span.owner == readable) return false;
  }
  return !span.owner->is_put_aside();
}

// Calls visit(block) for each at hand of a class.
template <typename Visit>
void for_each_at_hand(const Heap& heap, SizeClass size_class, Visit visit) noexcept {
  const std::uint32_t count = heap.at_hand().count(size_class);
  if (count == 0) return;
  void* const* const oldest = heap.at_hand().oldest(size_class);
  for (std::uint32_t index = 0; index < count; ++index) visit(oldest[index]);
}

template <typename Visit>
void for_each_at_hand_in(const SpanSnapshot& span, const ReadableHeaps& heaps, Visit visit) noexcept {
  if (span.heap != nullptr) {
    span.heap->mutex().assert_held();
    return for_each_at_hand(span.heap->classes(), span.size_class, visit);
  }
  for (const Heap* heap : heaps) {
    if (heap != nullptr) for_each_at_hand(*heap, span.size_class, visit);
  }
}

UsedBlocks count_granules(const SpanSnapshot& span, const ReadableHeaps& heaps) noexcept {
  BlockBits at_hand;
  mark_granules_at_hand(span, heaps, at_hand);
  const Granules& map = *span.granules;
  UsedBlocks count;
  for (std::uint32_t at = map.find_start(0); at < Granules::kCount; at = map.find_start(at + 1)) {
    if (at_hand.test(at)) continue;
    ++count.blocks;
    count.bytes += std::uint64_t{map.end_of_block(at) - at} * Granules::kBytes;
  }
  return count;
}

}  // namespace

ReadableHeaps readable_heaps() noexcept {
  process.late_mutex.assert_held();
  return {current_heap->started() ? current_heap : nullptr, process.late_heap};
}

SpanSnapshot read_span(const Span& span) noexcept {
  SpanSnapshot read;
  read.start = process.map.start_of(span);
  read.bytes = std::size_t{span.slices} << kSliceShift;
  read.use = span.use;
  read.heap = span.shared_heap.load(std::memory_order_relaxed);
  if (read.use == SpanUse::large) {
    read.large_bytes = peek(span.large_bytes);
    read.usable_large_bytes = std::min(read.bytes, usable_large_bytes(read.large_bytes));
  }
  if (read.use != SpanUse::blocks) return read;
  const SharedWord shared = span.shared.load(std::memory_order_acquire);
  read.owner = span.owner.load(std::memory_order_relaxed);
  read.possession = shared.possession();
  read.freed_by_others = shared.list();
  const bool has_granules =
      read.possession == Possession::recycled || (read.heap != nullptr && read.heap->strategy() != HeapStrategy::size_class);
  if (has_granules) read.granules = span.granules;
  read.size_class = peek(span.size_class);
  read.capacity = peek(span.capacity);
  read.carved = peek(span.carved);
  read.block_bytes = peek(span.block_bytes);
  read.free_list = peek(span.free_list);
  const std::uint32_t used = peek(span.used);
  read.is_approximate = goes_on_elsewhere(read);
  const bool is_cut = read.granules == nullptr && read.block_bytes != 0 && read.carved <= read.capacity &&
                      std::size_t{read.capacity} * read.block_bytes <= read.bytes && read.capacity <= kMostSpanBlocks &&
                      read.size_class < kSizeClasses;
  if (!is_cut) {
    read.capacity = read.carved = read.block_bytes = 0;
    return read;
  }
  read.used = std::min(read.carved, used - std::min(used, shared.count()));
  return read;
}

HeapStatistics read_counters(const Heap& heap) noexcept {
  const HeapStatistics& counted = heap.statistics();
  return {.blocks_taken = peek(counted.blocks_taken),
          .bytes_taken = peek(counted.bytes_taken),
          .blocks_returned = peek(counted.blocks_returned),
          .bytes_returned = peek(counted.bytes_returned),
          .refills = peek(counted.refills)};
}

void mark_free_blocks(const SpanSnapshot& span, const ReadableHeaps& heaps, BlockBits& free) noexcept {
  mark_list(span, span.free_list, free);
  mark_list(span, span.freed_by_others, free);
  for_each_at_hand_in(span, heaps, [&](const void* block) {
    if (const std::uint32_t number = number_of(span, block); number != kNoBlock) free.set(number);
  });
}

void mark_granules_at_hand(const SpanSnapshot& span, const ReadableHeaps& heaps, BlockBits& free) noexcept {
  if (span.heap != nullptr) return;
  const auto mark = [&](const void* block) {
    if (span.contains(block))
      free.set(static_cast<std::uint32_t>(static_cast<std::size_t>(static_cast<const std::byte*>(block) - span.start) /
                                          Granules::kBytes));
  };
  for (const Heap* heap : heaps) {
    if (heap == nullptr) continue;
    for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) for_each_at_hand(*heap, size_class, mark);
  }
}

UsedBlocks count_used(const SpanSnapshot& span, const ReadableHeaps& heaps) noexcept {
  if (span.use == SpanUse::large) return {.blocks = 1, .bytes = span.usable_large_bytes};
  if (span.use != SpanUse::blocks) return {};
  if (span.granules != nullptr) return count_granules(span, heaps);
  if (span.block_bytes == 0) return {};
  std::uint32_t at_hand = 0;
  for_each_at_hand_in(span, heaps, [&](const void* block) { at_hand += number_of(span, block) != kNoBlock ? 1U : 0U; });
  const std::uint32_t blocks = span.used - std::min(span.used, at_hand);
  return {.blocks = blocks, .bytes = std::uint64_t{blocks} * span.block_bytes};
}

}  // namespace strata::allocator
