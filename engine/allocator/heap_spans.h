#pragma once

#include <cstdint>
#include <limits>

#include "engine/allocator/slice_allocator.h"
#include "engine/allocator/slice_map.h"
#include "engine/allocator/span.h"

namespace strata::allocator {

// All spans of a shared heap, also full ones and large blocks: linked through their entries of the slice map, so that the heap can give
// everything back in a time by their number, and counted against the heap's limit.
// Thread safety: none, the heap's lock guards it.
class HeapSpans {
 public:
  constexpr HeapSpans() = default;

  // Once, before anything else. `limit_bytes`: of slices with blocks in them, rounded down; 0: no limit.
  void start(SliceMap& map, SliceAllocator& slices, SharedHeap& heap, std::uint64_t limit_bytes) noexcept;

  // As the functions of SliceAllocator. Spans of use `allocator` are the heap's records: counted apart, not limited.
  [[nodiscard]] Span* allocate(std::uint32_t slices, std::uint32_t alignment, SpanUse use, bool mark_tails,
                               std::uint32_t room = 0) noexcept;
  void free(Span& span, bool touched = true) noexcept;
  [[nodiscard]] bool extend(Span& span, std::uint32_t slices) noexcept;
  void shorten(Span& span, std::uint32_t slices) noexcept;
  void free_all() noexcept;

  // For walks over all of them. nullptr: no more.
  [[nodiscard]] Span* first() const noexcept { return at(first_); }
  [[nodiscard]] Span* next(const Span& span) const noexcept { return at(span.next_in_heap); }

  [[nodiscard]] std::uint64_t held_bytes() const noexcept { return std::uint64_t{slices_} << kSliceShift; }
  [[nodiscard]] std::uint64_t record_bytes() const noexcept { return std::uint64_t{record_slices_} << kSliceShift; }
  [[nodiscard]] std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }
  // What is above it stays.
  void set_limit(std::uint64_t limit_bytes) noexcept { limit_bytes_ = limit_bytes; }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] Span* at(std::uint32_t slice) const noexcept { return slice == kNone ? nullptr : map_->entry(slice); }
  [[nodiscard]] bool within_limit(std::uint32_t more_slices) const noexcept;
  [[nodiscard]] std::uint32_t& count_of(const Span& span) noexcept;
  void link(Span& span) noexcept;
  void unlink(Span& span) noexcept;

  SliceMap* map_ = nullptr;
  SliceAllocator* slice_allocator_ = nullptr;
  SharedHeap* heap_ = nullptr;
  std::uint64_t limit_bytes_ = 0;
  std::uint32_t first_ = kNone;
  std::uint32_t slices_ = 0;
  std::uint32_t record_slices_ = 0;
};

}  // namespace strata::allocator
