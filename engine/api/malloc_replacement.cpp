// malloc, its family and the operators new and delete, for programs that load libstrata_malloc or link it in front of the C library.
// Behaviour as in the manual pages of glibc where the standards leave a choice: realloc to 0 bytes frees, free keeps errno.
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

#include "engine/allocator/allocate.h"

// Of the C++ library, if the program has it.
extern "C" {
[[noreturn, gnu::weak]] void library_throw_bad_alloc() __asm__("_ZSt17__throw_bad_allocv");
[[gnu::weak]] std::new_handler library_get_new_handler() noexcept __asm__("_ZSt15get_new_handlerv");
}

namespace {

namespace allocator = strata::allocator;

constexpr std::size_t kMostBytes = std::numeric_limits<std::ptrdiff_t>::max();

void* or_errno(void* block) noexcept {
  if (block == nullptr) [[unlikely]]
    errno = ENOMEM;
  return block;
}

[[gnu::noinline]] void* malloc_slow(std::size_t bytes) noexcept { return or_errno(allocator::allocate_slow(bytes)); }

void* zeroed(std::size_t count, std::size_t bytes) noexcept {
  std::size_t total = 0;
  if (__builtin_mul_overflow(count, bytes, &total) || total > kMostBytes) return nullptr;
  return allocator::allocate_zeroed(total);
}

void* aligned(std::size_t alignment, std::size_t bytes) noexcept {
  if (bytes > kMostBytes) return nullptr;
  return allocator::allocate_aligned(alignment, bytes);
}

void* resized(void* address, std::size_t bytes) noexcept {
  if (bytes > kMostBytes) return or_errno(nullptr);
  if (bytes == 0 && address != nullptr) {
    allocator::deallocate(address);
    return nullptr;
  }
  return or_errno(allocator::reallocate(address, bytes));
}

std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

// Tries again as long as the program has a handler that may find memory. nullptr: it has none (any more).
template <typename Try>
void* or_handler(Try attempt) {
  for (;;) {
    if (void* block = attempt(); block != nullptr) [[likely]]
      return block;
    const std::new_handler handler = library_get_new_handler == nullptr ? nullptr : library_get_new_handler();
    if (handler == nullptr) return nullptr;
    handler();
  }
}

void* or_throw(void* block) {
  if (block != nullptr) [[likely]]
    return block;
  if (library_throw_bad_alloc != nullptr) library_throw_bad_alloc();
  std::abort();
}

[[gnu::noinline]] void* new_block_slow(std::size_t bytes) {
  return or_throw(or_handler([bytes] { return bytes > kMostBytes ? nullptr : allocator::allocate_slow(bytes); }));
}

void* new_block(std::size_t bytes) {
  if (void* block = allocator::allocate_at_hand(bytes); block != nullptr) [[likely]]
    return block;
  return new_block_slow(bytes);
}

void* new_aligned(std::size_t bytes, std::align_val_t alignment) {
  return or_throw(or_handler([bytes, alignment] { return aligned(static_cast<std::size_t>(alignment), bytes); }));
}

// Without the handler: one that throws would have to be caught here, and a program in C has nothing to catch it with.
void* new_or_null(std::size_t bytes) noexcept { return bytes > kMostBytes ? nullptr : allocator::allocate(bytes); }
void* new_aligned_or_null(std::size_t bytes, std::align_val_t alignment) noexcept {
  return aligned(static_cast<std::size_t>(alignment), bytes);
}

}  // namespace

#define STRATA_EXPORT __attribute__((visibility("default")))

extern "C" {

STRATA_EXPORT void* malloc(std::size_t bytes) noexcept {
  if (void* block = allocator::allocate_at_hand(bytes); block != nullptr) [[likely]]
    return block;
  return malloc_slow(bytes);
}

STRATA_EXPORT void free(void* address) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void cfree(void* address) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void* calloc(std::size_t count, std::size_t bytes) noexcept { return or_errno(zeroed(count, bytes)); }
STRATA_EXPORT void* realloc(void* address, std::size_t bytes) noexcept { return resized(address, bytes); }

STRATA_EXPORT void* reallocarray(void* address, std::size_t count, std::size_t bytes) noexcept {
  std::size_t total = 0;
  if (__builtin_mul_overflow(count, bytes, &total)) return or_errno(nullptr);
  return resized(address, total);
}

STRATA_EXPORT int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  void* block = aligned(alignment, bytes);
  if (block == nullptr) return ENOMEM;
  *result = block;
  return 0;
}

STRATA_EXPORT void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  if (!std::has_single_bit(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  return or_errno(aligned(alignment, bytes));
}

STRATA_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }
STRATA_EXPORT void* valloc(std::size_t bytes) noexcept { return or_errno(aligned(page_bytes(), bytes)); }

STRATA_EXPORT void* pvalloc(std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  if (bytes > kMostBytes) return or_errno(nullptr);
  return or_errno(aligned(page, (bytes + page - 1) / page * page));
}

STRATA_EXPORT std::size_t malloc_usable_size(void* address) noexcept { return allocator::usable_bytes(address); }

}  // extern "C"

STRATA_EXPORT void* operator new(std::size_t bytes) { return new_block(bytes); }
STRATA_EXPORT void* operator new[](std::size_t bytes) { return new_block(bytes); }
STRATA_EXPORT void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return new_or_null(bytes); }
STRATA_EXPORT void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return new_or_null(bytes); }
STRATA_EXPORT void* operator new(std::size_t bytes, std::align_val_t alignment) { return new_aligned(bytes, alignment); }
STRATA_EXPORT void* operator new[](std::size_t bytes, std::align_val_t alignment) { return new_aligned(bytes, alignment); }
STRATA_EXPORT void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_aligned_or_null(bytes, alignment);
}
STRATA_EXPORT void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_aligned_or_null(bytes, alignment);
}

STRATA_EXPORT void operator delete(void* address) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete[](void* address) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete(void* address, std::size_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete[](void* address, std::size_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete(void* address, const std::nothrow_t&) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete[](void* address, const std::nothrow_t&) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete(void* address, std::align_val_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete[](void* address, std::align_val_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete(void* address, std::size_t, std::align_val_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete[](void* address, std::size_t, std::align_val_t) noexcept { allocator::deallocate(address); }
STRATA_EXPORT void operator delete(void* address, std::align_val_t, const std::nothrow_t&) noexcept {
  allocator::deallocate(address);
}
STRATA_EXPORT void operator delete[](void* address, std::align_val_t, const std::nothrow_t&) noexcept {
  allocator::deallocate(address);
}
