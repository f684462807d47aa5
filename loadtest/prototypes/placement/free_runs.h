#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace strata::placement {

// Items and the free runs between them, side by side in segments, in granules of 4 bytes. Boundary tags after Knuth (TAOCP 1, 2.5):
// a word in front of each chunk has its size and two bits: is it free, is the one before it free. A free chunk repeats its size in its
// last word; so both neighbours are found at once, and an item pays one bit of the header that it has anyway.
//
// Free runs are kept in bins by size: exact up to 508 bytes, then 32 a doubling. A run is taken from the smallest bin that has one
// that fits ("good fit": Masmano et al., TLSF, 2004).
class FreeRuns {
 public:
  using Granule = std::uint32_t;  // number of a granule in the arena, or of granules
  static constexpr std::uint32_t kGranuleBytes = 4;
  static constexpr Granule kNone = ~Granule{0};

  // With reuse off only the rest of a segment that is being filled is used: a log.
  FreeRuns(std::byte* base, std::uint32_t segment_bytes, bool reuse);

  static Granule granules(std::uint32_t bytes) { return (bytes + kGranuleBytes - 1) / kGranuleBytes; }
  std::byte* address(Granule at) const { return &base_[std::size_t{at} * kGranuleBytes]; }

  Granule size(Granule at) const { return word(at) & kSizeMask; }
  bool is_free(Granule at) const { return (word(at) & kFree) != 0; }
  Granule segment_of(Granule at) const { return at / segment_granules_; }
  Granule segment_begin(Granule segment) const { return segment * segment_granules_; }
  Granule segment_granules() const { return segment_granules_; }

  // A whole segment, as one free run.
  void add_segment(Granule segment);
  // The segment's free runs are no longer handed out; its items stay.
  void withdraw(Granule segment);
  void offer_again(Granule segment);

  // A chunk of that many granules, or kNone.
  Granule take(Granule count);

  struct Run {
    Granule begin, size;
  };
  // Returns the free run that the chunk is now part of. `offered` is whether its segment is not withdrawn.
  Run release(Granule at, bool offered);

 private:
  static constexpr std::uint32_t kFree = 1U << 31, kPreviousFree = 1U << 30, kSizeMask = kPreviousFree - 1;
  static constexpr Granule kSmallestLinked = 4;  // header, two links, size again
  static constexpr std::uint32_t kExactBins = 128, kBinsPerDoubling = 32, kBins = kExactBins + 22 * kBinsPerDoubling;

  std::uint32_t& word(Granule at) const { return *reinterpret_cast<std::uint32_t*>(address(at)); }
  bool ends_segment(Granule end) const { return end % segment_granules_ == 0; }
  static std::uint32_t bin_of(Granule count);
  std::uint32_t next_bin(std::uint32_t from) const;
  void link(Granule at, Granule count);
  void unlink(Granule at, Granule count);
  void mark_free(Granule at, Granule count, bool offered);
  void mark_used(Granule at, Granule count);

  std::byte* base_;
  Granule segment_granules_;
  bool reuse_;
  std::array<Granule, kBins> heads_;
  std::array<std::uint64_t, (kBins + 63) / 64> filled_{};
};

}  // namespace strata::placement
