#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace strata::cache {

// A database.
using Namespace = std::uint8_t;

// What items are marked with: the keyspace a database was when they were stored. Emptying a database gives it another keyspace at once; what
// lies in the old one is out of reach, and is removed in slices.
using Keyspace = std::uint8_t;

// Of what stays until it is removed.
inline constexpr std::int64_t kNoExpiry = std::numeric_limits<std::int64_t>::max();

inline constexpr std::size_t kMaxKeyBytes = 512ULL << 20;
inline constexpr std::size_t kMaxValueBytes = 512ULL << 20;

struct Bucket;

// Where a key was seen in the index, by Cache::prefetch: looked at first, and anew where it is there no more.
struct KeyPlace {
  const Bucket* home = nullptr;
  std::uint64_t layout = 0;                    // of the tables
  std::atomic<std::uint64_t>* slot = nullptr;  // a null pointer: it was not seen
};

// A key together with its hash, so that one hash serves shard, bucket, tag and every further look at the same key.
// Made by Cache::key. The bytes belong to the caller.
struct Key {
  std::string_view bytes;
  std::uint64_t hash = 0;
  Namespace ns = 0;
  Keyspace keyspace = 0;  // that the database was when the hash was made; a call that finds another makes it anew
  KeyPlace place;
};

}  // namespace strata::cache
