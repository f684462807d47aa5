#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/allocator/process_allocator.h"
#include "engine/allocator/shared_heap.h"
#include "engine/allocator/span.h"

// Chunks of a pool: large blocks of the pool's heap, aligned to their size, so that the heap counts them, walks find them and its end
// gives them back. A chunk is known by its Span, the entry of the slice map: from an address to that is arithmetic, nothing of it lies in
// memory that a program writes to, and what classes of blocks keep in the owner's line is free for the pool there (fixed_blocks.h,
// bump_blocks.h say what for).
// Thread safety: the pool's lock guards its chunks.
namespace strata::pools {

using allocator::SharedHeap;
using allocator::Span;

inline constexpr std::size_t kLeastChunkBytes = 2 * allocator::kSliceBytes;  // smaller ones would be no large blocks

[[nodiscard]] inline std::byte* start_of(const Span& chunk) noexcept { return allocator::process.map.start_of(chunk); }

// nullptr: no memory. `alignment`: a power of two.
[[nodiscard]] inline Span* take_chunk(SharedHeap& heap, std::size_t bytes, std::size_t alignment) noexcept {
  void* const memory = heap.allocate(bytes, alignment);
  return memory == nullptr ? nullptr : allocator::process.map.entry_of(memory);
}
inline void give_back_chunk(SharedHeap& heap, Span& chunk) noexcept {
  chunk.used = chunk.carved = chunk.capacity = chunk.block_bytes = 0;
  heap.deallocate(start_of(chunk));
}

// The chunk of that heap which begins at an address; nullptr: none does.
[[nodiscard]] inline Span* chunk_at(const SharedHeap& heap, std::uintptr_t address) noexcept {
  const auto* const place = reinterpret_cast<const std::byte*>(address);  // NOLINT(performance-no-int-to-ptr)
  const allocator::SliceMap& map = allocator::process.map;
  if (!map.contains(place) || map.offset_of(place) >> allocator::kSliceShift >= map.committed_slices()) return nullptr;
  Span* const span = map.entry_of(place);
  const bool is_ours = span->use == allocator::SpanUse::large && span->shared_heap.load(std::memory_order_acquire) == &heap;
  return is_ours ? span : nullptr;
}

}  // namespace strata::pools
