// The functions of strata.h that take memory from the process' allocator.
#include "engine/allocator/allocate.h"
#include "engine/allocator/limits.h"
#include "engine/api/failure.h"
#include "engine/api/strata.h"

namespace {

namespace allocator = strata::allocator;
namespace api = strata::api;

[[gnu::noinline]] void* malloc_slow(std::size_t bytes) noexcept {
  if (!api::is_possible_size("strata_malloc", bytes)) return nullptr;
  return api::or_out_of_memory(allocator::allocate_slow(bytes), "strata_malloc", bytes);
}

[[gnu::cold, gnu::noinline]] void* realloc_failed(void* block, std::size_t bytes) noexcept {
  if (block != nullptr && allocator::usable_bytes(block) == 0) {
    api::fail({STRATA_INVALID_POINTER, "strata_realloc", "not a block of this library", bytes, block});
    return nullptr;
  }
  return api::or_out_of_memory(nullptr, "strata_realloc", bytes);
}

}  // namespace

// Short, and a jump to the rest.
void* strata_malloc(size_t bytes) noexcept {
  if (void* block = allocator::allocate_at_hand(bytes); block != nullptr) [[likely]]
    return block;
  return malloc_slow(bytes);
}

void strata_free(void* block) noexcept { allocator::deallocate(block); }

void* strata_calloc(size_t count, size_t bytes) noexcept {
  std::size_t total = 0;
  if (!api::multiply_sizes("strata_calloc", count, bytes, total)) return nullptr;
  return api::or_out_of_memory(allocator::allocate_zeroed(total), "strata_calloc", total);
}

void* strata_aligned_alloc(size_t alignment, size_t bytes) noexcept {
  if (!api::is_alignment("strata_aligned_alloc", alignment)) return nullptr;
  if (!api::is_possible_size("strata_aligned_alloc", bytes)) return nullptr;
  return api::or_out_of_memory(allocator::allocate_aligned(alignment, bytes), "strata_aligned_alloc", bytes);
}

void* strata_realloc(void* block, size_t bytes) noexcept {
  if (!api::is_possible_size("strata_realloc", bytes)) return nullptr;
  void* moved = allocator::reallocate(block, bytes);
  return moved != nullptr ? moved : realloc_failed(block, bytes);
}

void strata_free_sized(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  // A checked block of 0 bytes has none that may be used.
  const std::size_t usable = allocator::usable_bytes(block);
  if (!strata_owns(block) || (usable == 0 && bytes != 0))
    return api::fail({STRATA_INVALID_POINTER, "strata_free_sized", "not a block of this library", bytes, block});
  if (bytes > usable) return api::fail({STRATA_SIZE_MISMATCH, "strata_free_sized", "the block is smaller", bytes, block});
  allocator::deallocate(block);
}

size_t strata_usable_size(const void* block) noexcept { return allocator::usable_bytes(block); }

bool strata_owns(const void* block) noexcept { return allocator::span_of(block) != nullptr; }

void strata_thread_idle(void) noexcept { allocator::thread_is_idle(); }

void strata_purge(void) noexcept { allocator::purge_all(); }

void strata_set_memory_limit(uint64_t bytes) noexcept { allocator::set_limit(bytes); }

uint64_t strata_memory_limit(void) noexcept { return allocator::limit(); }
