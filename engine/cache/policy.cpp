#include <array>
#include <utility>

#include "engine/cache/options.h"

namespace strata::cache {

namespace {

// Where a policy has several names its own comes first.
constexpr std::array<std::pair<Policy, std::string_view>, 18> kNames{{
    {Policy::noeviction, "noeviction"},
    {Policy::s3fifo, "s3fifo"},
    {Policy::clock, "clock"},
    {Policy::fifo, "fifo"},
    {Policy::sieve, "sieve"},
    {Policy::lru, "lru"},
    {Policy::mru, "mru"},
    {Policy::allkeys_lru, "allkeys-lru"},
    {Policy::allkeys_lfu, "allkeys-lfu"},
    {Policy::allkeys_lfu, "lfu"},
    {Policy::allkeys_random, "allkeys-random"},
    {Policy::allkeys_random, "random"},
    {Policy::volatile_lru, "volatile-lru"},
    {Policy::volatile_lfu, "volatile-lfu"},
    {Policy::volatile_random, "volatile-random"},
    {Policy::volatile_ttl, "volatile-ttl"},
    {Policy::volatile_ttl, "ttl"},
    {Policy::custom, "custom"},
}};

}  // namespace

std::string_view policy_name(Policy policy) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == policy) return name;
  }
  return {};
}

std::optional<Policy> policy_from_name(std::string_view name) noexcept {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace strata::cache
