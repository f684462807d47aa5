#include "engine/allocator/allocate.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/shared_heap.h"

namespace strata::allocator {
namespace {

[[nodiscard]] void* take(Heap& heap, SizeClass size_class, std::size_t alignment) noexcept {
  if (alignment > kMallocAlignment) return heap.take_aligned(size_class, alignment);
  void* block = heap.take_at_hand(size_class);
  return block != nullptr ? block : heap.refill(size_class);
}

[[nodiscard]] void* allocate_block(SizeClass size_class, std::size_t alignment = kMallocAlignment) noexcept {
  Heap* heap = heap_of_thread();
  if (heap != nullptr) [[likely]]
    return take(*heap, size_class, alignment);
  const sync::MutexLock lock(process.late_mutex);
  heap = late_heap();
  return heap == nullptr ? nullptr : take(*heap, size_class, alignment);
}

void free_block(Span& span, void* address) noexcept {
  if (!accept_free(span, address)) return;
  if (Heap* heap = heap_of_thread(); heap != nullptr) [[likely]] {
    heap->free_elsewhere(span, address);
    return;
  }
  const sync::MutexLock lock(process.late_mutex);
  Heap* heap = late_heap();
  // Without memory for a heap the block is lost; it belongs to a span that others go on using.
  if (heap == nullptr) return;
  heap->free_elsewhere(span, address);
  heap->flush();
}

[[nodiscard]] SharedHeap* shared_heap_of(const Span& span) noexcept { return span.shared_heap.load(std::memory_order_acquire); }

}  // namespace

void* allocate_slow(std::size_t bytes) noexcept {
  const std::size_t taken = bytes_to_take(bytes);
  if (taken > kLargestClassBytes) return hand_out(allocate_large(taken, kMallocAlignment), bytes);
  return hand_out(allocate_block(malloc_class_of(taken)), bytes);
}

void deallocate_slow(void* address) noexcept {
  if (address == nullptr) return;
  const int errno_before = errno;
  Span* span = span_of(address);
  if (span == nullptr) {
    report_stray(address);
  } else if (SharedHeap* heap = shared_heap_of(*span); heap != nullptr) {
    heap->deallocate(address);
  } else if (span->use == SpanUse::blocks) {
    free_block(*span, address);
  } else if (accept_large_free(*span, address)) {
    free_large(*span);
  }
  errno = errno_before;
}

void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept {
  if (alignment <= kMallocAlignment) return allocate(kCheckedHeap ? bytes : std::max(bytes, alignment));
  const std::size_t taken = bytes_to_take(bytes);
  if (const SizeClass size_class = aligned_class_of(taken, alignment); size_class < kSizeClasses)
    return hand_out(allocate_block(size_class, alignment), bytes);
  return hand_out(allocate_large(taken == 0 ? 1 : taken, alignment), bytes);
}

void* allocate_zeroed(std::size_t bytes) noexcept {
  void* block = allocate(bytes);
  if (block == nullptr) return nullptr;
  if (bytes <= kLargestClassBytes) return std::memset(block, 0, bytes);
  zero_old_contents(*process.map.entry_of(block), bytes);
  return block;
}

std::size_t usable_bytes(const void* address) noexcept {
  Span* span = span_of(address);
  if (span == nullptr) return 0;
  if (const SharedHeap* heap = shared_heap_of(*span); heap != nullptr) return heap->usable_bytes(address);
  if constexpr (kCheckedHeap) return requested_bytes(*span, const_cast<void*>(address));
  if (span->use == SpanUse::large) return usable_large_bytes(*span);
  if (span->shared.load(std::memory_order_acquire).possession() == Possession::recycled)
    return process.recycled.block_bytes(*span, address);
  return span->block_bytes;
}

void* reallocate(void* address, std::size_t bytes) noexcept {
  if (address == nullptr) return allocate(bytes);
  Span* span = span_of(address);
  if (span == nullptr) {
    report_stray(address);
    return nullptr;
  }
  if (SharedHeap* heap = shared_heap_of(*span); heap != nullptr) return heap->reallocate(address, bytes);
  if constexpr (kCheckedHeap) return reallocate_checked(*span, address, bytes);
  if (!accept_resize(*span, address)) return nullptr;
  if (span->use == SpanUse::large && bytes > kLargestClassBytes) return resize_large(*span, bytes);
  const std::size_t held = usable_bytes(address);
  // Shrinking by less than half is not worth a copy.
  if (span->use == SpanUse::blocks && bytes <= held && bytes >= held / 2) return address;
  void* moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, address, std::min(held, bytes));
  deallocate(address);
  return moved;
}

}  // namespace strata::allocator
