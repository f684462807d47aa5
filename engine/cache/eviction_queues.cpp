#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/update.h"

// Eviction by the two queues of s3fifo (J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023). The small one holds keys, in the order
// in which they came (young_queue.h); what came before the cache was nearly full is in neither, and judged by the hand in its first round. The main one has no list: it is the order in which the items lie, and its head is the hand. An item that is promoted stays
// where it is; that its place has nothing to do with when it was promoted costs less than a hundredth of the misses (docs/policies.md).
namespace strata::cache {
namespace {

// Keys that are looked at for one victim; where the main queue has none, so many more. What was removed is in the queue still.
constexpr std::size_t kKeysPerVictim = 64;
constexpr std::size_t kMoreKeysPerVictim = 1024;

// Whether a slot's item is young, and its key that of the queue.
auto is_young(const Core& core, YoungKey key) noexcept {
  return [&core, key](Slot slot) {
    if (slot.get<Slot::Main>() != 0) return false;
    const StoredItem item = core.store.at(slot);
    return key.is_of(core.hash_of(item.key(), item.ns()));
  };
}

}  // namespace

bool promote(Core& core, YoungKey key) noexcept {
  LockedHome home(core.shard_of(key.hash()), key.hash());
  const FoundSlot found = home.find(key.hash(), is_young(core, key));
  if (found) home.promote(found);
  return static_cast<bool>(found);
}

std::uint64_t Cache::budget_of_items() const noexcept {
  return budget().bytes(Purpose::items) + budget().bytes(Purpose::large_values);
}

bool Cache::young_is_large() const noexcept { return core_->young.bytes() * kYoungShare > budget_of_items(); }

bool Cache::leave_young(Session& session, YoungKey key, Evicted& evicted) noexcept {
  const FoundSlot found = core_->shard_of(key.hash()).find(key.hash(), is_young(*core_, key));
  if (!found) return false;
  const bool stays = !core_->store.at(found.slot).has_expired(session.now_ms()) && has_proved_itself(session, found.slot);
  if (!stays && evict(session, found.slot, evicted)) return true;
  // Also where another item has come in its place meanwhile: its key is in the queue no more.
  if (promote(*core_, key)) session.counters_.promoted.add();
  return false;
}

// By hits for the memory it takes, not by hits alone: a request that misses costs the same whatever it asks for, and for one large item many small ones go. Those
// that need no hit can not fill the cache: of the bytes that are judged they are an eighth at most, as the mean falls with each of them.
bool Cache::has_proved_itself(Session& session, Slot slot) noexcept {
  YoungQueue& young = core_->young;
  if (young.mean_bytes() == 0) young.begin_mean(budget_of_items() / std::max<std::uint64_t>(size_of_all().items, 1));
  const std::uint64_t bytes = core_->store.whole_bytes_of(core_->store.at(slot));
  young.note_judged(bytes);
  const std::uint64_t hits = slot.get<Slot::Frequency>();
  const std::uint64_t needed = promoted_at(bytes, young.mean_bytes());
  if ((hits >= needed) != (hits >= kPromotedAt)) session.counters_.judged_by_size.add();
  return hits >= needed;
}

// Those that were stored while the cache was filling are older than all in the queue.
Cache::Evicted Cache::evict_unjudged(Session& session) {
  ItemMemory& memory = core_->memory;
  if (core_->has_unjudged.exchange(false, std::memory_order_relaxed)) {
    // The round that is under way, and a whole one.
    for (std::uint32_t domain = 0; domain < memory.domains(); ++domain) {
      core_->judged_at_round[domain].store(memory.hand_rounds(domain) + 2, std::memory_order_relaxed);
    }
    core_->judging.store(true, std::memory_order_relaxed);
  }
  if (!core_->judging.load(std::memory_order_relaxed)) return {};
  const std::uint32_t first = next_hand(session);
  for (std::uint32_t n = 0; n < memory.domains(); ++n) {
    const std::uint32_t domain = (first + n) % memory.domains();
    const auto rounds_left =
        static_cast<std::int32_t>(core_->judged_at_round[domain].load(std::memory_order_relaxed) - memory.hand_rounds(domain));
    if (rounds_left > 0 && !memory.is_empty(domain)) return evict_by_hand(session, domain, Judges::young);
  }
  core_->judging.store(false, std::memory_order_relaxed);
  return {};
}

Cache::Evicted Cache::evict_by_queues(Session& session) {
  session.bring_young();
  Evicted evicted = evict_unjudged(session);
  if (evicted.found) return evicted;
  YoungKey key;
  for (std::size_t looked = 0; looked < kKeysPerVictim && young_is_large() && core_->young.take({&key, 1}) != 0; ++looked) {
    if (leave_young(session, key, evicted)) return evicted;
  }
  evicted = evict_by_hand(session);
  if (evicted.found) return evicted;
  // Nothing is in the main queue, or only what the hand does not come to: the last few items of each thread.
  for (std::size_t looked = 0; looked < kMoreKeysPerVictim && core_->young.take({&key, 1}) != 0; ++looked) {
    if (leave_young(session, key, evicted)) return evicted;
  }
  return evict_unordered(session);
}

}  // namespace strata::cache
