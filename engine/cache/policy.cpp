#include <array>
#include <utility>

#include "engine/cache/options.h"

namespace strata::cache {

namespace {

constexpr std::array<std::pair<Policy, std::string_view>, 12> kNames{{
    {Policy::noeviction, "noeviction"},
    {Policy::s3fifo, "s3fifo"},
    {Policy::clock, "clock"},
    {Policy::fifo, "fifo"},
    {Policy::sieve, "sieve"},
    {Policy::lru, "lru"},
    {Policy::mru, "mru"},
    {Policy::allkeys_lru, "allkeys-lru"},
    {Policy::allkeys_random, "allkeys-random"},
    {Policy::volatile_lru, "volatile-lru"},
    {Policy::volatile_random, "volatile-random"},
    {Policy::volatile_ttl, "volatile-ttl"},
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
