// The calls of cache.h about what goes when room is needed.
#include <algorithm>
#include <array>

#include "engine/api/cache_object.h"

using strata::api::bytes_of;
using strata::api::guarded;
using strata::cache::Policy;
using strata::cache::Tunables;
using strata::cache::VictimCandidate;

namespace strata::api {

std::optional<Policy> policy_of(strata_cache_policy policy) noexcept {
  switch (policy) {
    case STRATA_CACHE_LRU: return Policy::allkeys_lru;
    case STRATA_CACHE_RANDOM: return Policy::allkeys_random;
    case STRATA_CACHE_VOLATILE_LRU: return Policy::volatile_lru;
    case STRATA_CACHE_VOLATILE_RANDOM: return Policy::volatile_random;
    case STRATA_CACHE_VOLATILE_TTL: return Policy::volatile_ttl;
    case STRATA_CACHE_S3FIFO: return Policy::s3fifo;
    case STRATA_CACHE_CLOCK: return Policy::clock;
    case STRATA_CACHE_FIFO: return Policy::fifo;
    case STRATA_CACHE_SIEVE: return Policy::sieve;
    case STRATA_CACHE_EXACT_LRU: return Policy::lru;
    case STRATA_CACHE_EXACT_MRU: return Policy::mru;
    case STRATA_CACHE_LFU: return Policy::allkeys_lfu;
    case STRATA_CACHE_VOLATILE_LFU: return Policy::volatile_lfu;
    case STRATA_CACHE_CUSTOM: return Policy::custom;
    case STRATA_CACHE_NO_EVICTION: return Policy::noeviction;
  }
  return std::nullopt;
}

}  // namespace strata::api

std::size_t strata_cache::Chooser::choose(std::span<const VictimCandidate> candidates) noexcept {
  constexpr std::size_t kMost = 64;  // as many as can be sampled
  std::array<strata_cache_candidate, kMost> shown;
  const std::size_t count = std::min(candidates.size(), kMost);
  for (std::size_t n = 0; n < count; ++n) {
    const VictimCandidate& candidate = candidates[n];
    shown[n] = {.key = bytes_of(candidate.key),
                .value_bytes = candidate.value_bytes,
                .item_bytes = candidate.item_bytes,
                .expires_at_ms = candidate.expire_at_ms,
                .database = candidate.database,
                .uses = candidate.uses,
                .idle_quarters = candidate.idle_quarters,
                .hits = candidate.hits,
                .reserved = {}};
  }
  return function_(context_, shown.data(), count);
}

bool strata_cache::set_chooser(strata_cache_chooser choose, void* context) {
  const std::lock_guard lock(chooser_mutex_);
  std::unique_ptr<Chooser> chooser = choose != nullptr ? std::make_unique<Chooser>(choose, context) : nullptr;
  if (!cache.set_victim_chooser(chooser.get())) return false;
  chooser_ = std::move(chooser);
  return true;
}

strata_status strata_cache_set_policy(strata_cache* cache, strata_cache_policy policy) noexcept {
  const std::optional<Policy> known = strata::api::policy_of(policy);
  if (cache == nullptr || !known) return STRATA_INVALID_ARGUMENT;
  Tunables tunables = cache->cache.tunables();
  tunables.policy = *known;
  return cache->cache.apply(tunables) ? STRATA_OK : STRATA_NO_CHOOSER;
}

strata_status strata_cache_set_samples(strata_cache* cache, uint32_t samples) noexcept {
  constexpr std::uint32_t kMost = 64;
  if (cache == nullptr || samples == 0 || samples > kMost) return STRATA_INVALID_ARGUMENT;
  Tunables tunables = cache->cache.tunables();
  tunables.eviction_samples = samples;
  return cache->cache.apply(tunables) ? STRATA_OK : STRATA_NO_CHOOSER;
}

strata_status strata_cache_set_chooser(strata_cache* cache, strata_cache_chooser choose, void* context) noexcept {
  if (cache == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] { return cache->set_chooser(choose, context) ? STRATA_OK : STRATA_NO_CHOOSER; });
}
