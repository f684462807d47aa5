#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/size_class.h"
#include "engine/sync/atomic.h"

// What the allocator knows of a run of slices.
//
//   slice   64 KiB of address space, the unit in which memory is taken from the region and given back to it
//   span    neighbouring slices used for one thing: blocks of one size class, one large block, or nothing (a free range)
//   block   what a caller gets
//
// Nothing of this lies in the memory that callers write to: a Span is an entry of the slice map (slice_map.h), found from any
// address by arithmetic.
namespace strata::allocator {

class Heap;
class SharedHeap;
struct Granules;

inline constexpr unsigned kSliceShift = 16;
inline constexpr std::size_t kSliceBytes = std::size_t{1} << kSliceShift;

// Blocks to 8 KiB lie in spans of one slice, larger ones of a class in spans of eight.
inline constexpr std::size_t kOneSliceLimitBytes = std::size_t{8} << 10;
inline constexpr std::uint32_t kMediumSpanSlices = 8;

// What the count in SharedWord has bits for: all but one of the smallest class.
inline constexpr std::size_t kMostSpanBlocks = (std::size_t{1} << 13) - 1;

constexpr std::uint32_t slices_of_class(SizeClass size_class) noexcept {
  return class_bytes(size_class) <= kOneSliceLimitBytes ? 1 : kMediumSpanSlices;
}
constexpr std::uint32_t blocks_of_class(SizeClass size_class) noexcept {
  const std::size_t blocks = slices_of_class(size_class) * kSliceBytes / class_bytes(size_class);
  return static_cast<std::uint32_t>(blocks <= kMostSpanBlocks ? blocks : kMostSpanBlocks);
}

// A free block. Its first word links it to the next of its list; the rest is whatever the caller left there.
struct Block {
  Block* next;
};

// Who may take a span of blocks. Stands in one word with what other threads have freed, so that both change by one atomic.
enum class Possession : std::uint8_t {
  owned,      // by the heap `owner`: in its queue of that class
  full,       // in no list: every block is handed out. Whoever frees one may act
  mailed,     // in the mail of the heap `home`, which will take it up again
  abandoned,  // by nobody, in the list of spans that dead threads left: any heap may claim it
  recycled,   // by the recycled spans (recycled_spans.h), until the last block of it is freed
};

// Blocks that threads other than the owner have freed, how many, and the span's possession: 48, 13 and 3 bits.
class SharedWord {
 public:
  constexpr SharedWord() = default;
  SharedWord(Block* list, std::uint32_t count, Possession possession) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(list) | (std::uint64_t{count} << kCountShift) |
              (static_cast<std::uint64_t>(possession) << kPossessionShift)) {}

  [[nodiscard]] Block* list() const noexcept {
    return reinterpret_cast<Block*>(bits_ & ((std::uint64_t{1} << kCountShift) - 1));  // NOLINT(performance-no-int-to-ptr)
  }
  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> kCountShift) & ((1U << (kPossessionShift - kCountShift)) - 1);
  }
  [[nodiscard]] Possession possession() const noexcept { return static_cast<Possession>(bits_ >> kPossessionShift); }

 private:
  static constexpr unsigned kCountShift = 48;
  static constexpr unsigned kPossessionShift = 61;
  std::uint64_t bits_ = 0;
};

enum class SpanUse : std::uint8_t {
  none,       // never handed out, or the inside of a free range or a large block
  free,       // the first or the last slice of a free range: boundary tags (Knuth), but out of line
  blocks,     // of one class
  large,      // one block; its other slices stay `none`, so that taking a gigabyte costs no more than taking 128 KiB
  allocator,  // the allocator's own: heaps; free ranges whose pages are being given back
  tail,       // a later slice of a span of blocks; `first_slice` says where that begins
};

// Entry of the slice map: 128 bytes for each slice, two cache lines. The first belongs to the owner alone; the second is what other
// threads write, so that their frees do not take the owner's line from it.
//
// For spans of blocks, where `used` counts blocks that are not in `free_list` (handed out, at hand in a heap, or freed by others and not
// collected yet):
//     used + length(free_list) == carved <= capacity
//     possession == full  =>  used == capacity, free_list empty, in no queue
struct alignas(128) Span {
  // Line of the owner.
  // Whose blocks they are when freed: the only test on the way of a local free. Stays while the span is full. None: of no heap, or a
  // later slice of a span.
  sync::Atomic<Heap*> owner = nullptr;
  Block* free_list = nullptr;  // given back by the owner
  std::uint32_t used = 0;
  std::uint32_t carved = 0;  // blocks made so far; the memory behind them has not been touched
  std::uint32_t capacity = 0;
  std::uint32_t block_bytes = 0;
  Span* next = nullptr;  // in the owner's queue, a bin of free ranges, or the abandoned spans
  Span* previous = nullptr;
  std::uint32_t slices = 0;  // of the whole span; both ends of a free range have it
  std::uint8_t size_class = 0;
  SpanUse use = SpanUse::none;
  bool linked = false;                // in the list of abandoned spans
  sync::Atomic<bool> queued = false;  // in the owner's queue of the class
  bool kept_empty = false;            // at the end of that queue, nothing of it in use

  // Line of everybody.
  alignas(64) sync::Atomic<SharedWord> shared = SharedWord();
  sync::Atomic<Heap*> home = nullptr;  // the heap that owns it or owned it last
  Span* next_mail = nullptr;
  sync::Atomic<std::uint32_t> left_in_use = 0;  // abandoned: `used` at that moment, for those who may not read the owner's line
  union {
    std::uint64_t large_bytes = 0;  // of a large block: as requested, at least 1
    Granules* granules;             // of a recycled span, and of best fit and arenas
  };
  std::uint32_t first_slice = 0;  // tail, and both ends of a free range: number of the span's first slice
  // In the list of all spans of a shared heap (heap_spans.h), by slice numbers.
  std::uint32_t next_in_heap = 0;
  std::uint32_t previous_in_heap = 0;
  // The shared heap it belongs to, whoever frees its blocks; nullptr: of none.
  sync::Atomic<SharedHeap*> shared_heap = nullptr;

  [[nodiscard]] bool is_one_slice() const noexcept { return slices == 1; }
};
static_assert(sizeof(Span) == 128);
static_assert(sync::Atomic<SharedWord>::is_always_lock_free);

// Spans in a doubly linked list.
class SpanList {
 public:
  [[nodiscard]] Span* first() const noexcept { return first_; }
  [[nodiscard]] Span* last() const noexcept { return last_; }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] bool has_one() const noexcept { return first_ != nullptr && first_ == last_; }
  // Walks that many.
  [[nodiscard]] bool has_at_least(std::uint32_t count) const noexcept {
    const Span* span = first_;
    for (; span != nullptr && count > 1; --count) span = span->next;
    return span != nullptr;
  }

  void push_front(Span& span) noexcept {
    span.previous = nullptr;
    span.next = first_;
    (first_ == nullptr ? last_ : first_->previous) = &span;
    first_ = &span;
  }
  void push_back(Span& span) noexcept {
    span.next = nullptr;
    span.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &span;
    last_ = &span;
  }
  // REQUIRES: the span is in this list.
  void remove(Span& span) noexcept {
    (span.previous == nullptr ? first_ : span.previous->next) = span.next;
    (span.next == nullptr ? last_ : span.next->previous) = span.previous;
    span.next = span.previous = nullptr;
  }

 private:
  Span* first_ = nullptr;
  Span* last_ = nullptr;
};

}  // namespace strata::allocator
