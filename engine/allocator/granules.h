#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/span.h"

namespace strata::allocator {

// What is used of a span of one slice that has blocks of many sizes, by granules of 16 bytes. Lies apart from the span, in slices of the
// allocator. Free neighbours are one hole by themselves.
struct alignas(64) Granules {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kCount = kSliceBytes / kBytes;

  static constexpr std::uint32_t kWords = kCount / 64;
  using Bits = std::array<std::uint64_t, kWords>;

  std::uint32_t used_count = 0;
  std::uint32_t longest = 0;  // no free run is longer
  std::uint32_t cursor = 0;   // of an arena: the end of what is used
  std::uint32_t purged = 0;   // of a recycled span: pages given back to the system, a bit each
  Granules* next_unused = nullptr;
  alignas(64) Bits used{};  // a bit for each granule of a block
  Bits starts{};            // and for its first

  [[nodiscard]] bool starts_at(std::uint32_t at) const noexcept { return (starts[at / 64] >> (at % 64) & 1) != 0; }
  void set_start(std::uint32_t at) noexcept { starts[at / 64] |= std::uint64_t{1} << (at % 64); }
  void clear_start(std::uint32_t at) noexcept { starts[at / 64] &= ~(std::uint64_t{1} << (at % 64)); }
  void set_used(std::uint32_t from, std::uint32_t to, bool value) noexcept {
    while (from < to) {
      const std::uint32_t end = std::min(to, (from / 64 + 1) * 64);
      const std::uint64_t ones = end - from == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (end - from)) - 1;
      std::uint64_t& word = used[from / 64];
      word = value ? word | ones << (from % 64) : word & ~(ones << (from % 64));
      from = end;
    }
  }

  // The first granule of [from, kCount) that is used, or is not; kCount: none.
  [[nodiscard]] std::uint32_t find_used(std::uint32_t from, bool value) const noexcept { return find(used, from, value); }
  // The first of [from, kCount) that is the first of a block.
  [[nodiscard]] std::uint32_t find_start(std::uint32_t from) const noexcept { return find(starts, from, true); }

  // Where the free run that ends at `end` begins.
  [[nodiscard]] std::uint32_t begin_of_run(std::uint32_t end) const noexcept {
    while (end > 0) {
      const std::uint32_t word = (end - 1) / 64;
      const std::uint64_t below = used[word] << (63 - (end - 1) % 64);
      if (below != 0) return end - static_cast<std::uint32_t>(std::countl_zero(below));
      end = word * 64;
    }
    return 0;
  }
  // Behind the last granule of the block that begins at `first`.
  [[nodiscard]] std::uint32_t end_of_block(std::uint32_t first) const noexcept {
    return std::min(find_start(first + 1), find_used(first + 1, false));
  }
  [[nodiscard]] std::uint32_t longest_run() const noexcept {
    std::uint32_t found = 0;
    for (std::uint32_t begin = find_used(0, false); begin < kCount;) {
      const std::uint32_t end = find_used(begin, true);
      found = std::max(found, end - begin);
      begin = find_used(end, false);
    }
    return found;
  }

 private:
  [[nodiscard]] static std::uint32_t find(const Bits& bits, std::uint32_t from, bool value) noexcept {
    while (from < kCount) {
      const std::uint64_t word = bits[from / 64];
      const std::uint64_t wanted = (value ? word : ~word) >> (from % 64);
      if (wanted != 0) return from + static_cast<std::uint32_t>(std::countr_zero(wanted));
      from = (from / 64 + 1) * 64;
    }
    return kCount;
  }
};

// Spans by the length of their longest hole in granules: each length to 64, then eight bins a doubling.
struct GranuleBins {
  static constexpr unsigned kExactBins = 64;
  static constexpr unsigned kBins = kExactBins + 6 * 8 + 1;

  [[nodiscard]] static constexpr unsigned bin_of(std::uint32_t granules) noexcept {
    if (granules <= kExactBins) return granules == 0 ? 0 : granules - 1;
    const auto doubling = static_cast<unsigned>(std::bit_width(granules)) - 1;
    return kExactBins + (doubling - 6) * 8 + ((granules >> (doubling - 3)) & 7);
  }
};

}  // namespace strata::allocator
