#pragma once

#include <array>
#include <cstdint>

#include "engine/allocator/slice_map.h"

namespace strata::allocator {

// The free ranges of slices by length: a bin for each length to 64 slices, then eight a doubling. The best fit of at least a length is
// found by a bitmap of bins that hold something (after Masmano and others, "TLSF", 2004) and a bounded look through one bin.
// Neighbours must have been joined by the caller. Thread safety: none, the slice allocator's lock guards it.
class FreeRanges {
 public:
  // The range becomes [first, first + slices): writes its boundary tags and files it.
  void insert(SliceMap& map, std::uint32_t first, std::uint32_t slices) noexcept;
  // REQUIRES: the first entry of a range that is filed here.
  void remove(SliceMap& map, Span& range) noexcept;
  // nullptr: none is so long.
  [[nodiscard]] Span* best_fit(std::uint32_t slices) const noexcept;
  // The longest range filed under `bin` or a bin below; `bin` is set to where it was found. nullptr: none.
  [[nodiscard]] Span* first_at_or_below(unsigned& bin) const noexcept;

  static constexpr unsigned kExactBins = 64;
  static constexpr unsigned kBins = 64 + (32 - 6) * 8;

 private:
  static constexpr unsigned kWords = (kBins + 63) / 64;
  // How many ranges of one bin are compared for the best.
  static constexpr unsigned kLooks = 32;

  [[nodiscard]] static unsigned bin_of(std::uint32_t slices) noexcept;
  [[nodiscard]] unsigned next_bin(unsigned from) const noexcept;
  [[nodiscard]] static Span* best_of(Span* candidate, std::uint32_t slices) noexcept;

  std::array<SpanList, kBins> bins_{};
  std::array<std::uint64_t, kWords> holds_something_{};
};

}  // namespace strata::allocator
