#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata::cache {

// A database.
using Namespace = std::uint8_t;

inline constexpr std::size_t kMaxKeyBytes = 512ULL << 20;
inline constexpr std::size_t kMaxValueBytes = 512ULL << 20;

// A key together with its hash, so that one hash serves shard, bucket, tag and every further look at the same key.
// Made by Cache::key. The bytes belong to the caller.
struct Key {
  std::string_view bytes;
  std::uint64_t hash = 0;
  Namespace ns = 0;
  std::uint8_t keyspace = 0;  // that the database was when the hash was made; a call that finds another makes it anew
};

}  // namespace strata::cache
