#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/heap.h"
#include "engine/allocator/shared_heap.h"
#include "engine/allocator/span.h"

// Reading the allocator's state for walks and statistics while other threads' heaps go on. REQUIRES everywhere: lock_process() was called,
// so that no span is taken or given back, and only the heap of another running thread changes what it owns.
namespace strata::allocator {

// The fields of a span, read once. Those of another running thread's may not go together.
struct SpanSnapshot {
  std::byte* start = nullptr;
  std::size_t bytes = 0;
  SpanUse use = SpanUse::none;
  SizeClass size_class = 0;
  std::uint32_t block_bytes = 0;  // 0: not cut into blocks of one size
  std::uint32_t capacity = 0;
  std::uint32_t carved = 0;
  std::uint32_t used = 0;  // not in a list of free blocks; those at hand included
  Possession possession = Possession::owned;
  const Block* free_list = nullptr;
  const Block* freed_by_others = nullptr;
  const Granules* granules = nullptr;
  std::uint64_t large_bytes = 0;  // as requested
  std::size_t usable_large_bytes = 0;
  const Heap* owner = nullptr;
  const SharedHeap* heap = nullptr;
  bool is_approximate = false;

  [[nodiscard]] bool contains(const void* address) const noexcept {
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(start) < bytes;
  }
};
[[nodiscard]] SpanSnapshot read_span(const Span& span) noexcept;

// The counters of any thread's heap.
[[nodiscard]] HeapStatistics read_counters(const Heap& heap) noexcept;

// The heaps other than shared ones whose blocks at hand may be read: the calling thread's and the late one. nullptr: there is none.
using ReadableHeaps = std::array<const Heap*, 2>;
[[nodiscard]] ReadableHeaps readable_heaps() noexcept;

// A bit for each block of a span by its number, or for each granule by its.
class BlockBits {
 public:
  static constexpr std::uint32_t kMost = 8192;

  [[nodiscard]] bool test(std::uint32_t number) const noexcept { return (words_[number / 64] >> (number % 64) & 1) != 0; }
  // False: it was set before.
  bool set(std::uint32_t number) noexcept {
    const bool was_set = test(number);
    words_[number / 64] |= std::uint64_t{1} << (number % 64);
    return !was_set;
  }

 private:
  std::array<std::uint64_t, kMost / 64> words_{};
};
static_assert(kMostSpanBlocks < BlockBits::kMost && Granules::kCount <= BlockBits::kMost);

// Marks the free blocks of a span of one size: in its lists and at hand. Believes of the lists what can be: the rest counts as used.
void mark_free_blocks(const SpanSnapshot& span, const ReadableHeaps& heaps, BlockBits& free) noexcept;
// Marks the first granules of the blocks at hand in a recycled span.
void mark_granules_at_hand(const SpanSnapshot& span, const ReadableHeaps& heaps, BlockBits& free) noexcept;
// The blocks of a span that are handed out, large ones included: what is at hand in these heaps, or in its shared heap, is not.
struct UsedBlocks {
  std::uint32_t blocks = 0;
  std::uint64_t bytes = 0;
};
[[nodiscard]] UsedBlocks count_used(const SpanSnapshot& span, const ReadableHeaps& heaps) noexcept;

}  // namespace strata::allocator
