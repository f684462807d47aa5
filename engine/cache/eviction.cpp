#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

// So many victims a write pays for when the limit is further away than its own size; upkeep does the rest.
constexpr std::size_t kVictimsPerWrite = 16;
// Blocks of the index that are looked at for samples before the best seen so far is taken, or, if there is none, before the search becomes
// thorough.
constexpr std::size_t kQuickLooks = 16;
// Chunks that the hand passes in one hold of its domain's lock, and in one search for a victim.
constexpr std::size_t kChunksPerHold = 32;

bool only_volatile(Policy policy) noexcept {
  return policy == Policy::volatile_lru || policy == Policy::volatile_random || policy == Policy::volatile_ttl;
}
bool by_hand(Policy policy) noexcept { return policy == Policy::allkeys_lru || policy == Policy::volatile_lru; }

}  // namespace

// Takes an item out; what it frees comes back when nobody reads it any more.
bool Cache::evict(Session& session, Slot slot, Evicted& evicted) noexcept {
  const StoredItem item = core_->store.at(slot);
  const bool expired = item.has_expired(session.now_ms_);
  std::size_t freed = item.bytes();
  if (item.encoding() == Encoding::block) freed += ItemStore::charged_bytes(core_->store.block_of(item));
  if (!remove_if_same(*core_, session, core_->hash_of(item.key(), item.ns()), slot, expired ? Cause::expired : Cause::evicted,
                      [](StoredItem) { return true; }))
    return false;
  (expired ? session.counters_.expired : session.counters_.evicted).add();
  evicted = {.found = true, .freed_bytes = freed};
  return true;
}

// The hand goes round the items in the order in which their segments were opened; what was hit since it passed stays, and loses its hits
// (F. Corbató, "A paging experiment with the Multics system", 1968).
Cache::Evicted Cache::evict_by_hand(Session& session) {
  Evicted evicted;
  const bool spares = only_volatile(policy());
  ItemMemory& memory = core_->memory;
  const ItemMemory::Statistics statistics = memory.statistics();
  // Twice round all: the first takes the hits away.
  const std::uint64_t most = 2 * (statistics.allocations - statistics.released) + 2 * kChunksPerHold;
  const std::uint32_t first_domain = memory.domain_of(session.handle_);
  for (std::uint32_t n = 0; n < memory.domains() && !evicted.found; ++n) {
    const std::uint32_t domain = (first_domain + n) % memory.domains();
    for (std::uint64_t passed = 0; passed < most && !evicted.found;) {
      // One at a time: the index is not searched while the domain is locked, for who has locked homes may wait for the domain.
      std::uint64_t offset = 0;
      std::uint64_t hash = 0;
      const std::size_t shown = memory.hand_next(domain, kChunksPerHold, [&](const ItemChunk& chunk) {
        const StoredItem item = core_->store.at(chunk.offset);
        if (item.encoding() == Encoding::block_body) return true;
        offset = chunk.offset;
        hash = core_->hash_of(item.key(), item.ns());
        return false;
      });
      passed += std::max<std::size_t>(shown, 1);
      if (offset == 0) continue;
      const FoundSlot victim = victim_under_hand(session, offset, hash, spares);
      if (victim) (void)evict(session, victim.slot, evicted);
    }
  }
  return evicted;
}

// What the hand points at, if it is to go; else its hits are forgotten.
FoundSlot Cache::victim_under_hand(const Session& session, std::uint64_t offset, std::uint64_t hash, bool spares) const {
  const FoundSlot found = core_->shard_of(hash).find(hash, [offset](Slot slot) { return slot.offset_bytes() == offset; });
  if (!found) return {};  // it is being placed, or was taken out and waits
  const StoredItem item = core_->store.at(found.slot);
  if (item.has_expired(session.now_ms())) return found;
  if (spares && !item.expires()) return {};
  if (found.slot.get<Slot::Frequency>() == 0) return found;
  std::uint64_t bits = found.slot.bits();
  (void)found.address->compare_exchange_strong(bits, found.slot.with<Slot::Frequency>(0).bits(), std::memory_order_relaxed);
  return {};
}

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

Cache::Evicted Cache::evict_one(Session& session) {
  if (policy() == Policy::noeviction || !can_retire(session)) return {};
  if (!by_hand(policy())) return evict_by_samples(session);
  Evicted evicted = evict_by_hand(session);
  if (evicted.found) return evicted;
  // The hand does not come to what lies in open runs: the last few items of each thread. This thread's it can close.
  core_->memory.close(session.handle_);
  evicted = evict_by_hand(session);
  return evicted.found ? evicted : evict_by_samples(session);
}

bool Cache::evict_for(Session& session, std::uint64_t room_bytes, std::uint64_t own_bytes) {
  // What was retired before is charged until nobody reads it, but needs no others to go.
  session.quiescent();
  const std::uint64_t wanted = budget().total_bytes() + room_bytes;
  const std::uint64_t coming = budget().limit_bytes() + core_->readers.waiting_bytes();
  const std::uint64_t need = wanted > coming ? wanted - coming : 0;
  std::uint64_t freed_bytes = 0;
  bool found = true;
  for (std::size_t victims = 0; found && freed_bytes < need; ++victims) {
    if (victims >= kVictimsPerWrite && freed_bytes >= own_bytes) break;
    const Evicted evicted = evict_one(session);
    found = evicted.found;
    freed_bytes += evicted.freed_bytes;
  }
  session.quiescent();
  session.quiescent();
  return found;
}

bool Cache::reserve(Session& session, std::uint64_t bytes) {
  if (fits(bytes)) [[likely]]
    return true;
  if (bytes > budget().limit_bytes()) return false;  // emptying the cache would not help
  return evict_for(session, bytes, bytes);
}

void Cache::settle(Session& session, std::int64_t added_bytes) {
  if (added_bytes <= 0 || fits(0)) [[likely]]
    return;
  static_cast<void>(evict_for(session, 0, static_cast<std::uint64_t>(added_bytes)));
}

Status Cache::make_room(Session& session, std::size_t bytes) {
  const Operation operation(session);
  if (reserve(session, bytes)) return Status::ok;
  session.counters_.eviction_refusals.add();
  return Status::out_of_memory;
}

ValueRef Cache::allocate_value(Session& session, std::size_t bytes) {
  if (bytes > kMaxValueBytes || make_room(session, bytes + sizeof(ValueBlock)) != Status::ok) return {};
  return core_->store.allocate_block(session.handle_, bytes, 0);
}

}  // namespace strata::cache
