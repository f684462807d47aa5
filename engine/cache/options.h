#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::cache {

// Which item goes when memory is needed. Names follow Redis; "volatile" policies only touch items that have an expiry.
enum class Policy : std::uint8_t { noeviction, allkeys_lru, allkeys_random, volatile_lru, volatile_random, volatile_ttl };

[[nodiscard]] std::string_view policy_name(Policy policy) noexcept;
[[nodiscard]] std::optional<Policy> policy_from_name(std::string_view name) noexcept;

// Fixed at start.
struct Options {
  std::size_t namespaces = 16;  // 1 to 256; databases in Redis' words
  std::uint64_t hash_seed = 0;  // keyed hashing: a client that does not know it can not aim at one bucket
};

// Changeable at any time through Cache::apply.
struct Tunables {
  std::uint64_t max_memory_bytes = 256ULL << 20;  // of everything the budget is charged for
  Policy policy = Policy::allkeys_lru;
  unsigned eviction_samples = 5;  // items looked at to find one victim, 1 to 64; more is closer to true order and dearer
};

}  // namespace strata::cache
