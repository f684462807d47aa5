#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The one hash of a key and what its bits are for: the 8 highest choose the shard, the next ones the bucket in the shard's
// tables. SCAN's cursor is a position: the 53 highest bits of a hash, so that every client can hold it in a double.
namespace strata::cache {

inline constexpr unsigned kShardBits = 8;
inline constexpr std::size_t kShardCount = std::size_t{1} << kShardBits;
inline constexpr unsigned kPositionBits = 53;
// A position within one shard: what is left of a position below the bits of the shard.
inline constexpr unsigned kInnerBits = kPositionBits - kShardBits;
inline constexpr std::uint64_t kInnerEnd = std::uint64_t{1} << kInnerBits;

[[nodiscard]] std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) noexcept;

[[nodiscard]] constexpr std::size_t shard_of(std::uint64_t hash) noexcept { return hash >> (64 - kShardBits); }
[[nodiscard]] constexpr std::uint64_t inner_position_of(std::uint64_t hash) noexcept {
  return (hash >> (64 - kPositionBits)) & (kInnerEnd - 1);
}

}  // namespace strata::cache
