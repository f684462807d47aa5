#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/cache/dynamic_sizing.h"

namespace strata::cache {

// Which item goes when memory is needed. Names with a database's word in them follow Redis; "volatile" policies only touch items that
// have an expiry. docs/policies.md tells what each costs and how well it chooses.
enum class Policy : std::uint8_t {
  noeviction,
  s3fifo,  // new items stay only if they are asked for twice while they are new (J. Yang et al., SOSP 2023)
  clock,   // goes round; what was hit since it passed stays (F. Corbató, 1968)
  fifo,    // goes round; nothing stays
  sieve,   // goes from the oldest to the newest, round and round; what was hit since it passed stays (Y. Zhang et al., NSDI 2024)
  allkeys_random,
  volatile_random,
  volatile_ttl,
  // From here on each use of an item is noted.
  lru,          // the one used longest ago, exactly: 26 B a key
  mru,          // the one used last, exactly: 26 B a key
  allkeys_lru,  // of a few looked at, the one used longest ago
  volatile_lru,
  allkeys_lfu,  // of a few looked at, the one used least, where older uses count less
  volatile_lfu,
  custom  // of a few looked at, the one that the program chooses (Cache::set_victim_chooser)
};

// The name, and for what is known by several the one that Redis knows.
[[nodiscard]] std::string_view policy_name(Policy policy) noexcept;
// By any of its names.
[[nodiscard]] std::optional<Policy> policy_from_name(std::string_view name) noexcept;

// Fixed at start.
struct Options {
  std::size_t namespaces = 16;  // 1 to 256; databases in Redis' words
  std::uint64_t hash_seed = 0;  // keyed hashing: a client that does not know it can not aim at one bucket
  const os::SystemMemory* system_memory = nullptr;  // that dynamic sizing asks; outlives the cache. Null: the machine's
};

// What becomes of the expiries that items are asked to have, all of them, however they are given one; of those written from then on.
struct ExpiryRules {
  static constexpr unsigned kMostJitterPercent = 90;
  // An item lives up to so much less than asked for, never longer, each by chance: what was stored together does not expire together.
  unsigned jitter_percent = 0;
  // Reading an item, or changing its value and not its expiry, begins its lifetime anew; as often as a sixteenth of it is over. 7 B an item.
  bool is_sliding = false;
};

// Changeable at any time through Cache::apply.
struct Tunables {
  std::uint64_t max_memory_bytes = 256ULL << 20;  // of everything the budget is charged for
  Policy policy = Policy::s3fifo;
  unsigned eviction_samples = 5;  // items looked at to find one victim, 1 to 64; more is closer to true order and dearer
  DynamicSizing dynamic_sizing{};  // of the limit, below max_memory_bytes
  ExpiryRules expiry{};
};

}  // namespace strata::cache
