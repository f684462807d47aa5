#include "engine/allocator/walk.h"

#include "engine/allocator/process_allocator.h"
#include "engine/allocator/span_snapshot.h"

namespace strata::allocator {
namespace {

std::uint32_t flags_of(const SpanSnapshot& span) noexcept {
  std::uint32_t flags = 0;
  if (span.use == SpanUse::free) flags |= kBlockFreeRange;
  if (span.use == SpanUse::large) flags |= kBlockLarge;
  if (span.use == SpanUse::allocator) flags |= kBlockRecords;
  if (span.heap != nullptr) flags |= kBlockSharedHeap;
  if (span.heap == nullptr && span.granules != nullptr) flags |= kBlockRecycled;
  if (span.is_approximate) flags |= kBlockApproximate;
  return flags;
}

// visit(span, frontier): false ends it.
template <typename Visit>
void for_each_span(Visit visit) noexcept {
  if (!start_process_allocator()) return;
  current_heap->deliver();
  lock_process();
  process.slices.mutex().assert_held();
  const std::uint32_t frontier = process.slices.frontier_locked();
  for (std::uint32_t slice = 0; slice < frontier;) {
    const Span& span = *process.map.entry(slice);
    slice += span.slices;
    if (!visit(read_span(span), frontier)) break;
  }
  unlock_process();
}

class BlockWalk {
 public:
  BlockWalk(BlockVisitor visitor, void* argument) noexcept : visitor_(visitor), argument_(argument) {}

  // False: the visitor wants no more.
  bool visit(const SpanSnapshot& span, std::uint32_t frontier) noexcept {
    end_ = process.map.memory().base() + (std::size_t{frontier} << kSliceShift);
    flags_ = flags_of(span);
    if (span.granules != nullptr) return visit_granules(span);
    if (span.use == SpanUse::large) return visit_large(span);
    if (span.block_bytes != 0) return visit_blocks(span);
    if (span.use == SpanUse::blocks) return tell(span.start, span.bytes, true, kBlockUnmade);
    return tell(span.start, span.bytes, span.use == SpanUse::free, 0);
  }

 private:
  bool tell(std::byte* start, std::size_t bytes, bool is_free, std::uint32_t flags) noexcept {
    flags |= flags_;
    const bool is_users = !is_free && (flags & kBlockRecords) == 0;
    const BlockDescription block{.size = bytes,
                                 .alignment = std::size_t{1} << std::countr_zero(reinterpret_cast<std::uintptr_t>(start)),
                                 .is_free = is_free,
                                 .start_address = start,
                                 .user_ptr = is_users ? start : nullptr,
                                 .flags = flags,
                                 .next = start + bytes < end_ ? start + bytes : nullptr,
                                 .prev = previous_};
    previous_ = start;
    return visitor_(block, argument_);
  }

  bool visit_blocks(const SpanSnapshot& span) noexcept {
    BlockBits free;
    mark_free_blocks(span, readable_heaps(), free);
    for (std::uint32_t number = 0; number < span.carved; ++number) {
      if (!tell(span.start + std::size_t{number} * span.block_bytes, span.block_bytes, free.test(number), 0)) return false;
    }
    const std::size_t made = std::size_t{span.carved} * span.block_bytes;
    const std::size_t all = std::size_t{span.capacity} * span.block_bytes;
    if (made < all && !tell(span.start + made, all - made, true, kBlockUnmade)) return false;
    return all == span.bytes || tell(span.start + all, span.bytes - all, true, kBlockTail);
  }

  bool visit_large(const SpanSnapshot& span) noexcept {
    const std::size_t usable = span.usable_large_bytes;
    if (usable == 0) return tell(span.start, span.bytes, true, kBlockUnmade | kBlockApproximate);
    if (!tell(span.start, usable, false, 0)) return false;
    return usable == span.bytes || tell(span.start + usable, span.bytes - usable, true, kBlockTail);
  }

  bool visit_granules(const SpanSnapshot& span) noexcept {
    BlockBits at_hand;
    mark_granules_at_hand(span, readable_heaps(), at_hand);
    const Granules& map = *span.granules;
    for (std::uint32_t at = 0; at < Granules::kCount;) {
      const bool is_block = map.starts_at(at);
      const std::uint32_t end = is_block ? map.end_of_block(at) : map.find_used(at, true);
      const bool is_free = !is_block || at_hand.test(at);
      if (!tell(span.start + at * Granules::kBytes, (end - at) * Granules::kBytes, is_free, 0)) return false;
      at = end;
    }
    return true;
  }

  BlockVisitor visitor_;
  void* argument_;
  const std::byte* end_ = nullptr;
  const void* previous_ = nullptr;
  std::uint32_t flags_ = 0;
};

SpanDescription describe(const SpanSnapshot& span, const ReadableHeaps& heaps) noexcept {
  const UsedBlocks used = count_used(span, heaps);
  return {.start = span.start,
          .bytes = span.bytes,
          .use = span.use,
          .possession = span.possession,
          .flags = flags_of(span),
          .block_bytes = span.block_bytes,
          .capacity = span.capacity,
          .carved = span.carved,
          .used = used.blocks,
          .used_bytes = used.bytes,
          .owner = span.heap == nullptr ? span.owner : nullptr,
          .heap = span.heap,
          .large_bytes = span.large_bytes};
}

}  // namespace

void walk_blocks(BlockVisitor visitor, void* argument) noexcept {
  BlockWalk walk(visitor, argument);
  for_each_span([&](const SpanSnapshot& span, std::uint32_t frontier) { return walk.visit(span, frontier); });
}

void walk_spans(SpanVisitor visitor, void* argument) noexcept {
  for_each_span([=](const SpanSnapshot& span, std::uint32_t) { return visitor(describe(span, readable_heaps()), argument); });
}

}  // namespace strata::allocator
