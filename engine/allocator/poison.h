#pragma once

#include <cstddef>

#include "engine/allocator/memory_checks.h"

#if defined(__SANITIZE_ADDRESS__)
#define STRATA_POISONS_FREE_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRATA_POISONS_FREE_MEMORY
#endif
#endif
#ifdef STRATA_POISONS_FREE_MEMORY
#include <sanitizer/asan_interface.h>
#endif

// Under the address sanitizer what is free can not be read or written: blocks, but for the first word, where their list's link is, and
// slices. Nothing in other builds, and nothing with memory checks, which find such accesses by themselves.
namespace strata::allocator {

#ifdef STRATA_POISONS_FREE_MEMORY
inline constexpr bool kFreeMemoryIsPoisoned = kMemoryChecks == MemoryChecks::none;
#undef STRATA_POISONS_FREE_MEMORY

inline void poison(void* start, std::size_t bytes) noexcept {
  if constexpr (kFreeMemoryIsPoisoned) __asan_poison_memory_region(start, bytes);
}
inline void unpoison(void* start, std::size_t bytes) noexcept {
  if constexpr (kFreeMemoryIsPoisoned) __asan_unpoison_memory_region(start, bytes);
}
#else
inline constexpr bool kFreeMemoryIsPoisoned = false;

inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
#endif

// A block that is free, or about to be in a list.
inline void poison_block(void* block, std::size_t bytes) noexcept {
  poison(static_cast<std::byte*>(block) + sizeof(Block), bytes - sizeof(Block));
}

}  // namespace strata::allocator
