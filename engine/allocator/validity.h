#pragma once

#include <cstddef>

#include "engine/allocator/heap.h"
#include "engine/allocator/shared_heap.h"
#include "engine/allocator/slice_allocator.h"
#include "engine/allocator/slice_map.h"

// Checks of the allocator's invariants, for tests and for debugging. Nothing of a program's way calls them.
// REQUIRES: no other thread uses what is checked.
namespace strata::allocator {

// What is wrong, and where. Nothing is: `reason` is nullptr.
struct Invalidity {
  const char* reason = nullptr;
  const void* where = nullptr;  // the Span, Heap or slice
};

// Of a span of blocks, large or free, as span.h says: used + length(free_list) == carved <= capacity; blocks in its lists lie on block
// boundaries, in the carved part, none twice; a full span has none; a large block fits its slices.
[[nodiscard]] bool is_valid(SliceMap& map, const Span& span, Invalidity* what = nullptr) noexcept;

// The queues hold valid spans of their class that are owned by this heap; spans kept empty are so and counted; blocks at hand lie in spans
// of their class, are used there, and none is at hand twice.
[[nodiscard]] bool is_valid(const Heap& heap, Invalidity* what = nullptr) noexcept;

// The list of spans is sound, each span says that it is of this heap, and what is used and held is what the heap counts.
[[nodiscard]] bool is_valid(const SharedHeap& heap, Invalidity* what = nullptr) noexcept;

// From slice 0 to the frontier spans and free ranges lie side by side without a gap; both ends of a free range tell the same, no two of them
// are neighbours; what is in use and dirty is what is counted.
[[nodiscard]] bool is_valid(SliceMap& map, SliceAllocator& slices, Invalidity* what = nullptr) noexcept;

// The process' allocator: all of the above, of every span and heap.
[[nodiscard]] bool is_process_valid(Invalidity* what = nullptr) noexcept;

}  // namespace strata::allocator
