#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "engine/allocator/granules.h"

namespace strata::allocator {

// Where in a span `length` free granules follow one another, for all places at once: a map of the places where one granule is free, combined
// with itself moved by one, says where two are; that one moved by two says where four are, and so on. A search for holes of n granules
// costs log2(n) rounds over 64 words, whatever the holes are like; walking from hole to hole costs more the more there are.
// 7 KiB, for the stack. A copy: what changes in the span's records is told to it by use().
class GranuleRuns {
 public:
  // REQUIRES: 0 < length <= Granules::kCount.
  GranuleRuns(const Granules& granules, std::uint32_t length) noexcept;

  // The first place from `from` on where `length` granules are free; kCount: none. REQUIRES: not before the end of what was used.
  [[nodiscard]] std::uint32_t next(std::uint32_t from) const noexcept {
    while (from < Granules::kCount) {
      const std::uint64_t word = places_[from / 64] >> (from % 64);
      if (word != 0) return from + static_cast<std::uint32_t>(std::countr_zero(word));
      from = (from / 64 + 1) * 64;
    }
    return Granules::kCount;
  }
  // `length` granules from `first` on are free no more.
  void use(std::uint32_t first) noexcept;
  // What the longest free run is, where none of `length` is left; 0: nothing is free.
  [[nodiscard]] std::uint32_t longest_below() const noexcept;

  // Of a span's longest free run.
  [[nodiscard]] static std::uint32_t longest(const Granules& granules) noexcept;

 private:
  static constexpr std::uint32_t kWords = Granules::kWords;
  static constexpr unsigned kDoublings = std::bit_width(Granules::kCount);
  // Behind the last granule nothing is free.
  using Places = std::array<std::uint64_t, kWords + 1>;

  // Those of `first` that `second` has `step` granules further on. False: none. `out` is none of the others.
  [[nodiscard]] static bool combine(Places& out, const Places& first, const Places& second, std::uint32_t step) noexcept;
  [[nodiscard]] std::uint32_t longest_from(unsigned doubling) const noexcept;

  std::uint32_t length_;
  unsigned doublings_ = 0;                  // 2^doublings_ <= length_
  std::array<Places, kDoublings> doubled_;  // [n]: where 2^n granules are free, to doublings_
  Places places_;
};

}  // namespace strata::allocator
