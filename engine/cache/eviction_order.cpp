#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

// Eviction by an exact order of all keys (order_list.h): the oldest for lru, the newest for mru, and for sieve what its hand finds unhit.
namespace strata::cache {
namespace {

// Keys that are looked at for one victim: who writes does not pay for a whole round of sieve's hand. The last one goes, hit or not.
constexpr std::size_t kKeysPerVictim = 1024;
// Homes that are looked at at a time for items that were there before the order.
constexpr unsigned kHomesAtOnce = kBlockBuckets;

std::optional<std::uint64_t> next_in_order(OrderList& order, Policy policy, std::uint64_t added) noexcept {
  if (policy == Policy::sieve) return order.pass(added);
  return policy == Policy::mru ? order.take_newest() : order.take_oldest();
}

FoundSlot find_by_hash(Core& core, std::uint64_t hash) noexcept {
  return core.shard_of(hash).find(hash, [&core, hash](Slot slot) {
    const StoredItem item = core.store.at(slot);
    return core.hash_of(item.key(), item.ns()) == hash;
  });
}

void forget_hits(const FoundSlot& found) noexcept {
  std::uint64_t bits = found.slot.bits();
  (void)found.address->compare_exchange_strong(bits, found.slot.with<Slot::Frequency>(0).bits(), std::memory_order_relaxed);
}

}  // namespace

Cache::Evicted Cache::evict_by_order(Session& session) {
  Evicted evicted;
  session.bring_order();
  const Policy policy = this->policy();
  for (std::size_t looked = 0; looked < kKeysPerVictim; ++looked) {
    const std::optional<std::uint64_t> hash = next_in_order(core_->order, policy, session.added_);
    if (!hash) break;
    if (*hash == session.added_) {
      // Mru has taken it out, and the one before it is the next.
      if (policy != Policy::sieve) session.note_order(*hash, OrderEvent::Kind::added);
      continue;
    }
    const FoundSlot found = find_by_hash(*core_, *hash);
    if (!found) {
      core_->order.remove(*hash);
      continue;
    }
    const bool spared = policy == Policy::sieve && found.slot.get<Slot::Frequency>() != 0 && looked + 1 < kKeysPerVictim &&
                        !core_->store.at(found.slot).has_expired(session.now_ms());
    if (spared) {
      forget_hits(found);
    } else if (evict(session, found.slot, evicted)) {
      return evicted;
    } else {
      session.note_order(*hash, OrderEvent::Kind::added);  // it was written meanwhile
    }
  }
  return evict_unordered(session);
}

// What is not in the order: it was there before, or there was no memory for it.
Cache::Evicted Cache::evict_unordered(Session& session) {
  Evicted evicted = evict_by_hand(session);
  if (evicted.found) return evicted;
  // The hand does not come to what lies in open runs: the last few items of each thread. This thread's it can close.
  core_->memory.close(session.handle_);
  evicted = evict_by_hand(session);
  return evicted.found ? evicted : evict_by_samples(session);
}

bool Cache::put_in_order(Session& session, std::chrono::steady_clock::time_point deadline) {
  if (!keeps_order(policy()) || !to_be_ordered_.any.load(std::memory_order_relaxed)) return false;
  if (to_be_ordered_.busy.exchange(true, std::memory_order_acquire)) return true;
  if (to_be_ordered_.anew.exchange(false, std::memory_order_relaxed)) {
    to_be_ordered_.shard = 0;
    to_be_ordered_.position = 0;
  }
  while (to_be_ordered_.shard < kShards && std::chrono::steady_clock::now() < deadline) {
    session.seen_.clear();
    to_be_ordered_.position = core_->shards[to_be_ordered_.shard].collect(to_be_ordered_.position, kHomesAtOnce, session.seen_);
    for (const Slot slot : session.seen_) {
      const StoredItem item = core_->store.at(slot);
      core_->order.add_oldest(core_->hash_of(item.key(), item.ns()));
    }
    session.quiescent();
    if (to_be_ordered_.position == 0) ++to_be_ordered_.shard;
  }
  const bool more = to_be_ordered_.shard < kShards;
  if (!more && !to_be_ordered_.anew.load(std::memory_order_relaxed)) to_be_ordered_.any.store(false, std::memory_order_relaxed);
  to_be_ordered_.busy.store(false, std::memory_order_release);
  return more;
}

void Cache::choose(Policy policy) noexcept {
  const Policy before = core_->policy.exchange(policy, std::memory_order_relaxed);
  if (before == policy) return;
  // How much is held back depends on it.
  core_->set_shortage(core_->shortage.load(std::memory_order_relaxed));
  if (keeps_order(before)) core_->order.clear();
  core_->uses.choose(keeps_beside(policy));
  if (keeps_beside(policy) != UseTable::Keeps::nothing) fit_uses();
  // What was not judged when s3fifo was left.
  if (policy == Policy::s3fifo) core_->has_unjudged.store(true, std::memory_order_relaxed);
  to_be_ordered_.anew.store(keeps_order(policy), std::memory_order_relaxed);
  to_be_ordered_.any.store(keeps_order(policy), std::memory_order_relaxed);
}

}  // namespace strata::cache
