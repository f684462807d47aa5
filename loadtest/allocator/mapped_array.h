#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

#include "loadtest/allocator/failure.h"

namespace strata::loadtest::allocator {

// An array that does not come from the allocator under test, so that it costs every allocator the same memory.
// Zeroed, and resident from the start: it belongs to what a workload measures before its first block.
template <class T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit MappedArray(std::size_t count) : count_(count) {
    void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("cannot map %zu bytes for the program's own arrays", bytes());
    std::memset(memory, 0, bytes());
    items_ = static_cast<T*>(memory);
  }
  ~MappedArray() { munmap(items_, bytes()); }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  [[nodiscard]] std::span<T> all() noexcept { return {items_, count_}; }
  T& operator[](std::size_t index) noexcept { return items_[index]; }

 private:
  [[nodiscard]] std::size_t bytes() const noexcept { return (count_ == 0 ? 1 : count_) * sizeof(T); }

  T* items_ = nullptr;
  std::size_t count_;
};

}  // namespace strata::loadtest::allocator
