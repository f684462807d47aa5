#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/cache/hash.h"
#include "engine/cache/index_layout.h"

// Where in a table of buckets an item may lie: arithmetic alone.
//
// A table's order is that of the hashes. Its first depth + 16 bits behind the shard's are all of a hash that places depend on; so bucket,
// tag and place tell them (`prefix_of`), and a table grows without looking at an item. They are kept at the top of a word (`Prefix`).
namespace strata::cache {

// The bits of a hash that tell a place, at the top of the word; those below are 0.
using Prefix = std::uint64_t;

// Alternate pairs lie in the same block: it is what growing moves at once.
inline constexpr std::uint32_t kBlockBuckets = 64;

class IndexGeometry {
 public:
  static constexpr unsigned kTagBits = 16;
  static constexpr unsigned kLeastDepth = 5;

  constexpr IndexGeometry() noexcept = default;
  // REQUIRES: `blocks` > 0, depth at least kLeastDepth and below the bits of the number of buckets.
  constexpr IndexGeometry(std::uint32_t blocks, unsigned depth) noexcept
      : buckets_(std::uint64_t{blocks} * kBlockBuckets), depth_(depth) {}

  // The deepest that a table of so many blocks may be.
  [[nodiscard]] static constexpr unsigned deepest(std::uint32_t blocks) noexcept {
    return static_cast<unsigned>(std::bit_width(std::uint64_t{blocks} * kBlockBuckets)) - 2;
  }

  [[nodiscard]] constexpr std::uint64_t buckets() const noexcept { return buckets_; }
  [[nodiscard]] constexpr unsigned depth() const noexcept { return depth_; }

  [[nodiscard]] constexpr Prefix prefix_of_hash(std::uint64_t hash) const noexcept { return shortened(hash << kShardBits); }
  // What is left of a prefix of a deeper table.
  [[nodiscard]] constexpr Prefix shortened(Prefix prefix) const noexcept { return prefix & ~below(); }
  [[nodiscard]] constexpr std::uint64_t home_of(Prefix prefix) const noexcept { return high_product(prefix, buckets_); }
  [[nodiscard]] constexpr std::uint16_t tag_of(Prefix prefix) const noexcept {
    return static_cast<std::uint16_t>(prefix >> (64 - kTagBits - depth_));
  }

  // The bucket of a place seen from the home, and the home seen from there: each step is its own inverse.
  [[nodiscard]] static constexpr std::uint64_t bucket_at(std::uint64_t bucket, std::uint16_t tag, SlotPlace place) noexcept {
    const auto bits = static_cast<unsigned>(place);
    bucket ^= bits & 1U;
    if ((bits & 2U) != 0) bucket ^= alternate_distance(tag);
    return bucket;
  }

  // The first prefix whose home is `bucket` or lies behind it. REQUIRES: bucket < buckets()
  [[nodiscard]] constexpr Prefix first_prefix(std::uint64_t bucket) const noexcept {
    const std::uint64_t start = quotient(bucket);
    return (start + (step() - 1)) & ~below();
  }
  // The prefix that has this home and ends in this tag: there is one only, as prefixes that share a tag are more than a bucket apart.
  [[nodiscard]] constexpr Prefix prefix_of(std::uint64_t home, std::uint16_t tag) const noexcept {
    const std::uint64_t tag_mask = std::uint64_t{0xffff} << (64 - kTagBits - depth_);
    const std::uint64_t first = (quotient(home) & ~below() & ~tag_mask) | std::uint64_t{tag} << (64 - kTagBits - depth_);
    return home_of(first) == home ? first : first + (std::uint64_t{1} << (64 - depth_));
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t high_product(std::uint64_t a, std::uint64_t b) noexcept {
    return static_cast<std::uint64_t>(static_cast<Wide>(a) * b >> 64U);
  }
  __extension__ using Wide = unsigned __int128;

  [[nodiscard]] constexpr std::uint64_t step() const noexcept { return std::uint64_t{1} << (64 - kTagBits - depth_); }
  [[nodiscard]] constexpr std::uint64_t below() const noexcept { return step() - 1; }
  // The least word whose product with the number of buckets reaches `bucket` whole ones.
  [[nodiscard]] constexpr std::uint64_t quotient(std::uint64_t bucket) const noexcept {
    return static_cast<std::uint64_t>(((static_cast<Wide>(bucket) << 64U) + buckets_ - 1) / buckets_);
  }
  // Between a pair and its alternate, in buckets: even, not 0, below kBlockBuckets.
  [[nodiscard]] static constexpr std::uint64_t alternate_distance(std::uint16_t tag) noexcept {
    constexpr std::uint32_t kPairs = kBlockBuckets / 2;
    const std::uint32_t scattered = (tag * 0x9E3779B1U) >> 16U;
    return 2 * (1 + (scattered * (kPairs - 1) >> 16U));
  }

  std::uint64_t buckets_ = 0;
  unsigned depth_ = 0;
};

}  // namespace strata::cache
