#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

// Eviction of the best of a few items here and there: for the policies that know no order.
namespace strata::cache {
namespace {

// Blocks of the index that are looked at for samples before the best seen so far is taken, or, if there is none, before the search becomes
// thorough.
constexpr std::size_t kQuickLooks = 16;

}  // namespace

// Looks at a few items here and there, and takes the one that the policy would rather lose.
Cache::Evicted Cache::evict_by_samples(Session& session) {
  const bool by_chance = policy() != Policy::volatile_ttl;
  const std::size_t samples = by_chance ? 1 : eviction_samples_.load(std::memory_order_relaxed);
  Victim victim;
  for (std::size_t look = 0; look < kQuickLooks && victim.seen < samples; ++look) {
    const std::uint64_t random = session.random();
    look_around(session, shard_of(random), random << kShardBits, kBlockBuckets, samples, victim);
  }
  // Few items are left, or few that may go: now every shard is searched.
  const std::size_t first = shard_of(session.random());
  for (std::size_t n = 0; n < kShards && victim.seen == 0; ++n) {
    const std::size_t shard = (first + n) % kShards;
    Prefix position = 0;
    do {
      position = look_around(session, shard, position, kBlockBuckets, samples, victim);
      if (victim.seen == 0) session.quiescent();
    } while (position != 0 && victim.seen == 0);
  }
  session.counters_.sampled.add(victim.seen);
  Evicted evicted;
  if (victim.seen == 0) return evicted;
  // If somebody else removed it meanwhile: that made room as well.
  if (!evict(session, victim.slot, evicted)) evicted.found = true;
  return evicted;
}

Prefix Cache::look_around(Session& session, std::size_t shard, Prefix position, std::size_t homes, std::size_t samples,
                          Victim& victim) {
  session.seen_.clear();
  const Prefix next = core_->shards[shard].collect(position, static_cast<unsigned>(homes), session.seen_);
  // From anywhere on, or the first place of a bucket would be sampled most.
  const std::size_t start = session.seen_.empty() ? 0 : session.random() % session.seen_.size();
  for (std::size_t n = 0; n < session.seen_.size() && victim.seen < samples; ++n) {
    const Slot slot = session.seen_[(start + n) % session.seen_.size()];
    const StoredItem item = core_->store.at(slot);
    const std::int64_t expiry_ms = item.expiry_ms(session.now_ms_);
    if (only_volatile(policy()) && expiry_ms == kNoExpiry) continue;
    if (victim.seen++ == 0 || expiry_ms < victim.expiry_ms) {
      victim.slot = slot;
      victim.expiry_ms = expiry_ms;
    }
  }
  return next;
}

}  // namespace strata::cache
