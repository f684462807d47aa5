#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/index_search.h"
#include "engine/cache/update.h"

// Eviction of what was used longest ago, or least, of a few items looked at here and there (use_table.h), and of the best that were seen before.
namespace strata::cache {
namespace {

// Buckets, and then blocks of them, that are looked at for each item of a sample, where most are empty or hold nothing that may go.
constexpr std::size_t kBucketsPerSample = 2;
constexpr std::size_t kBlocksPerSample = 3;
// Samples before the search becomes thorough.
constexpr std::size_t kSamplings = 4;

}  // namespace

void Session::note_use(std::uint64_t hash, std::uint64_t offset) noexcept {
  Core& core = *cache_->core_;
  if (use_changes_order(core.policy.load(std::memory_order_relaxed))) {
    note_order(hash, OrderEvent::Kind::touched);
  } else {
    core.uses.use(offset, random());
  }
}

void Session::note_place(std::uint64_t before, std::uint64_t offset) noexcept {
  Core& core = *cache_->core_;
  if (!notes_use(core.policy.load(std::memory_order_relaxed)) || core.uses.keeps() == UseTable::Keeps::nothing) [[likely]]
    return;
  if (before != 0) {
    core.uses.follow(before, offset);
    core.uses.use(offset, random());
    return;
  }
  core.uses.begin(offset);
  if (++new_keys_ < core.uses.batch()) return;
  core.uses.count_new(new_keys_);
  new_keys_ = 0;
  if (core.uses.is_fit_due()) cache_->fit_uses();
}

void Cache::fit_uses() noexcept { core_->uses.fit(size_of_all().items, budget().bytes(Purpose::items)); }

// Shows `consider` items until as many as a sample has counted.
void Cache::sample_here_and_there(Session& session, Visitor<void(Slot, bool& counts)> consider) {
  const std::size_t samples = eviction_samples_.load(std::memory_order_relaxed);
  std::size_t seen = 0;
  const auto look_at_seen = [&] {
    // From anywhere on, or what lies first would be sampled most.
    const std::size_t start = session.seen_.empty() ? 0 : session.random() % session.seen_.size();
    for (std::size_t n = 0; n < session.seen_.size() && seen < samples; ++n) {
      bool counts = false;
      consider(session.seen_[(start + n) % session.seen_.size()], counts);
      seen += counts ? 1U : 0U;
    }
    session.seen_.clear();
  };
  session.seen_.clear();
  // One bucket, one line. In a small cache most are empty: then blocks of them.
  for (std::size_t look = 0; look < samples * kBucketsPerSample && seen < samples; ++look) {
    const std::uint64_t random = session.random();
    core_->shards[shard_of(random)].sample(random, session.seen_);
    look_at_seen();
  }
  for (std::size_t look = 0; look < samples * kBlocksPerSample && seen < samples; ++look) {
    const std::uint64_t random = session.random();
    (void)core_->shards[shard_of(random)].collect(random << kShardBits, kBlockBuckets, session.seen_);
    look_at_seen();
  }
  // Few items are left, or few that may go: now every shard is searched, for one at least.
  const std::size_t first = shard_of(session.random());
  for (std::size_t n = 0; n < kShards && seen == 0; ++n) {
    Prefix position = 0;
    do {
      position = core_->shards[(first + n) % kShards].collect(position, kBlockBuckets, session.seen_);
      look_at_seen();
      if (seen == 0) session.quiescent();
    } while (position != 0 && seen == 0);
  }
  session.counters_.sampled.add(seen);
}

void Cache::offer_to_pool(Session& session, Slot slot) const noexcept {
  const UseTable::Rank rank = core_->uses.rank(slot.offset_bytes());
  if (!session.pool_.takes(rank, slot.offset_bytes())) return;
  const StoredItem item = core_->store.at(slot);
  session.pool_.add({.hash = core_->hash_of(item.key(), item.ns()), .offset = slot.offset_bytes(), .rank = rank});
}

Cache::Evicted Cache::evict_pooled(Session& session) noexcept {
  Evicted evicted;
  while (const std::optional<EvictionPool::Candidate> best = session.pool_.take()) {
    // The key that room is made for is not to go, nor what was used since.
    if (best->hash == session.added_ || core_->uses.rank(best->offset) < best->rank) continue;
    const FoundSlot found = core_->shard_of(best->hash).find(best->hash, [offset = best->offset](Slot slot) {
      return slot.offset_bytes() == offset;
    });
    if (!found || (only_volatile(policy()) && !core_->store.at(found.slot).expires())) continue;
    if (evict(session, found.slot, evicted)) break;
  }
  return evicted;
}

Cache::Evicted Cache::evict_by_use(Session& session) {
  for (std::size_t sampling = 0; sampling < kSamplings; ++sampling) {
    sample_here_and_there(session, [&](Slot slot, bool& counts) {
      counts = !only_volatile(policy()) || core_->store.at(slot).expires();
      if (counts) offer_to_pool(session, slot);
    });
    const Evicted evicted = evict_pooled(session);
    if (evicted.found) return evicted;
  }
  return evict_by_samples(session);
}

}  // namespace strata::cache
