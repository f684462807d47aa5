#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "engine/api/strata.h"

// How the functions of strata.h fail: the calling thread's last error, and the program's callback. For engine/api only.
namespace strata::api {

// More bytes than an object may have.
inline constexpr std::size_t kMostBytes = std::numeric_limits<std::ptrdiff_t>::max();

struct Failure {
  strata_status status;
  const char* function;
  const char* text;
  std::size_t bytes = 0;
  const void* address = nullptr;
};

// Records and calls back. Out of line: failing must not make the functions longer.
[[gnu::cold, gnu::noinline]] void fail(const Failure& failure) noexcept;

// The same, for functions that return the status.
[[nodiscard]] inline strata_status failed(const Failure& failure) noexcept {
  fail(failure);
  return failure.status;
}

// REQUIRES: `block` is what an allocation gave. Returns it; nullptr has been told as out of memory.
[[nodiscard]] inline void* or_out_of_memory(void* block, const char* function, std::size_t bytes) noexcept {
  if (block == nullptr) [[unlikely]]
    fail({STRATA_OUT_OF_MEMORY, function, "the system gives no more memory, or a limit is reached", bytes});
  return block;
}

// False: too large, and told.
[[nodiscard]] inline bool is_possible_size(const char* function, std::size_t bytes) noexcept {
  if (bytes <= kMostBytes) [[likely]]
    return true;
  fail({STRATA_SIZE_OVERFLOW, function, "more bytes than an object can have", bytes});
  return false;
}

// count * bytes in `total`. False: not a size, and told.
[[nodiscard]] inline bool multiply_sizes(const char* function, std::size_t count, std::size_t bytes,
                                         std::size_t& total) noexcept {
  if (!__builtin_mul_overflow(count, bytes, &total)) [[likely]]
    return is_possible_size(function, total);
  fail({STRATA_SIZE_OVERFLOW, function, "the number of elements times their size is not a size", bytes});
  return false;
}

[[nodiscard]] inline bool is_alignment(const char* function, std::size_t alignment) noexcept {
  if (alignment != 0 && (alignment & (alignment - 1)) == 0) [[likely]]
    return true;
  fail({STRATA_INVALID_ALIGNMENT, function, "the alignment is not a power of two", alignment});
  return false;
}

}  // namespace strata::api
