#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/sync/atomic.h"

namespace strata::allocator {

// A bit for each slice, in memory the caller provides (zeroed). Words are atomic because slices of different owners share them;
// ranges are not changed atomically. Slice numbers: [from, to).
class SliceBits {
 public:
  constexpr SliceBits() = default;
  explicit SliceBits(void* words) noexcept : words_(static_cast<sync::Atomic<std::uint64_t>*>(words)) {}

  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t slices) noexcept { return (slices + 63) / 64 * 8; }

  void set(std::uint32_t from, std::uint32_t to) noexcept {
    for_words(from, to, [](sync::Atomic<std::uint64_t>& word, std::uint64_t mask) { store(word, load(word) | mask); });
  }
  void clear(std::uint32_t from, std::uint32_t to) noexcept {
    for_words(from, to, [](sync::Atomic<std::uint64_t>& word, std::uint64_t mask) { store(word, load(word) & ~mask); });
  }
  [[nodiscard]] std::uint32_t count(std::uint32_t from, std::uint32_t to) const noexcept {
    std::uint32_t total = 0;
    for_words(from, to, [&](sync::Atomic<std::uint64_t>& word, std::uint64_t mask) {
      total += static_cast<std::uint32_t>(std::popcount(load(word) & mask));
    });
    return total;
  }
  // The first slice of [from, to) whose bit is `value`, or `to`.
  [[nodiscard]] std::uint32_t find(std::uint32_t from, std::uint32_t to, bool value) const noexcept {
    while (from < to) {
      const std::uint64_t bits = load(words_[from / 64]);
      const std::uint64_t wanted = (value ? bits : ~bits) >> (from % 64);
      if (wanted != 0) return std::min(to, from + static_cast<std::uint32_t>(std::countr_zero(wanted)));
      from = (from / 64 + 1) * 64;
    }
    return to;
  }

 private:
  static std::uint64_t load(const sync::Atomic<std::uint64_t>& word) noexcept { return word.load(std::memory_order_relaxed); }
  static void store(sync::Atomic<std::uint64_t>& word, std::uint64_t bits) noexcept {
    word.store(bits, std::memory_order_relaxed);
  }

  template <typename Visit>
  void for_words(std::uint32_t from, std::uint32_t to, Visit visit) const noexcept {
    while (from < to) {
      const std::uint32_t end = std::min(to, (from / 64 + 1) * 64);
      const std::uint64_t ones = end - from == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (end - from)) - 1;
      visit(words_[from / 64], ones << (from % 64));
      from = end;
    }
  }

  sync::Atomic<std::uint64_t>* words_ = nullptr;
};

}  // namespace strata::allocator
