#pragma once

#include <cstddef>

#include "engine/allocator/memory_checks.h"
#include "engine/allocator/process_allocator.h"
#include "engine/allocator/size_class.h"

// malloc and its family, for the process' allocator. Blocks are aligned to 16 bytes (8 for requests of 8 bytes or less).
// Out of memory: nullptr, errno is left to the caller. Thread safety: all functions, from any thread.
namespace strata::allocator {

// The ways that are not short; use the functions below.
[[nodiscard]] void* allocate_slow(std::size_t bytes) noexcept;
void deallocate_slow(void* address) noexcept;

// nullptr: none of that size, then allocate_slow(). For callers that have a slow way of their own.
[[nodiscard]] inline void* allocate_at_hand([[maybe_unused]] std::size_t bytes) noexcept {
  if constexpr (kCheckedHeap) return nullptr;
  return bytes <= kTableLimitBytes ? current_heap->take_at_hand(kMallocTable[(bytes + 7) / 8]) : nullptr;
}

[[nodiscard]] inline void* allocate(std::size_t bytes) noexcept {
  void* block = allocate_at_hand(bytes);
  return block != nullptr ? block : allocate_slow(bytes);
}

// nullptr is allowed.
inline void deallocate(void* address) noexcept {
  if (process.map.contains(address)) [[likely]] {
    Span& entry = *process.map.entry_of(address);
    Heap* heap = current_heap;
    if (entry.owner.load(std::memory_order_relaxed) == heap && accept_simple_free(entry, address)) [[likely]]
      return heap->free_local(entry.size_class, address);
  }
  deallocate_slow(address);
}

// `alignment`: a power of two.
[[nodiscard]] void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept;
[[nodiscard]] void* allocate_zeroed(std::size_t bytes) noexcept;
// As realloc, but never frees: 0 bytes make the smallest block. nullptr: no memory, and the block is as it was.
[[nodiscard]] void* reallocate(void* address, std::size_t bytes) noexcept;
// How many bytes of a block may be used; 0 for nullptr and for what is not ours.
[[nodiscard]] std::size_t usable_bytes(const void* address) noexcept;

}  // namespace strata::allocator
