#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

// Eviction by a hand that goes round the items in the order in which their segments were opened. What it does with hits is the policy's: clock forgets
// them when it passes (F. Corbató, "A paging experiment with the Multics system", 1968), s3fifo one at a time, fifo does not look at them.
namespace strata::cache {
namespace {

// Chunks that the hand passes in one hold of its domain's lock.
constexpr std::size_t kChunksPerHold = 32;
// Items that it looks at for one victim. Where all of them were hit, what was hit least goes: who writes does not pay for a whole round.
constexpr std::size_t kLooksPerVictim = 1024;
constexpr std::uint32_t kVictimsPerTurn = 16;

void set_hits(const FoundSlot& found, std::uint64_t hits) noexcept {
  std::uint64_t bits = found.slot.bits();
  (void)found.address->compare_exchange_strong(bits, found.slot.with<Slot::Frequency>(hits).bits(), std::memory_order_relaxed);
}

}  // namespace

// What the hand points at.
struct Cache::UnderHand {
  FoundSlot item;          // nothing: it is not for this policy to take, or is in the index no more
  std::uint64_t hits = 0;  // that it had when the hand came
  bool is_to_go = false;
  bool is_promoted = false;
};

// The domains take turns: memory that is free in one serves those who find none in theirs.
std::uint32_t Cache::next_hand(Session& session) const noexcept {
  return ++session.hand_turn_ / kVictimsPerTurn % core_->memory.domains();
}

Cache::Evicted Cache::evict_by_hand(Session& session) {
  Evicted evicted;
  const std::uint32_t first = next_hand(session);
  const std::uint32_t domains = core_->memory.domains();
  for (std::uint32_t n = 0; n < domains && !evicted.found; ++n) {
    const std::uint32_t domain = (first + n) % domains;
    if (!core_->memory.is_empty(domain)) evicted = evict_by_hand(session, domain, Judges::main);
  }
  return evicted;
}

// Shows the next item that the domain's hand comes to: its offset, or 0 if there was none in a few chunks.
std::uint64_t Cache::pass_by_hand(std::uint32_t domain, std::uint64_t& hash, std::size_t& passed) noexcept {
  // One at a time: the index is not searched while the domain is locked, for who has locked homes may wait for the domain.
  std::uint64_t offset = 0;
  const std::size_t shown = core_->memory.hand_next(domain, kChunksPerHold, [&](const ItemChunk& chunk) {
    const StoredItem item = core_->store.at(chunk.offset);
    if (item.encoding() == Encoding::block_body) return true;
    offset = chunk.offset;
    hash = core_->hash_of(item.key(), item.ns());
    return false;
  });
  passed += std::max<std::size_t>(shown, 1);
  return offset;
}

Cache::Evicted Cache::evict_by_hand(Session& session, std::uint32_t domain, Judges judges) {
  Evicted evicted;
  const std::uint64_t round = core_->memory.chunks(domain) + kChunksPerHold;
  UnderHand least;
  std::size_t looks = 0;
  // Twice round all at most, if it finds next to nothing that it may take.
  for (std::size_t passed = 0; passed < 2 * round && looks < kLooksPerVictim && !evicted.found;) {
    std::uint64_t hash = 0;
    const std::uint64_t offset = pass_by_hand(domain, hash, passed);
    if (offset == 0) continue;
    const UnderHand seen = look_under_hand(session, offset, hash, judges);
    if (!seen.item) continue;
    ++looks;
    if (seen.is_to_go) {
      // The hand does not come by again for what it could not take.
      if (!evict(session, seen.item.slot, evicted) && judges == Judges::young) (void)promote(*core_, YoungKey(hash));
    } else if (!seen.is_promoted && (!least.item || seen.hits < least.hits)) {
      least = seen;
    }
  }
  if (!evicted.found && least.item) (void)evict(session, least.item.slot, evicted);
  return evicted;
}

Cache::UnderHand Cache::look_under_hand(Session& session, std::uint64_t offset, std::uint64_t hash, Judges judges) {
  const FoundSlot found = core_->shard_of(hash).find(hash, [offset](Slot slot) { return slot.offset_bytes() == offset; });
  if (!found) return {};  // it is being placed, or was taken out and waits
  const StoredItem item = core_->store.at(found.slot);
  const std::uint64_t hits = found.slot.get<Slot::Frequency>();
  UnderHand seen{.item = found, .hits = hits, .is_to_go = true};
  const Policy policy = this->policy();
  if (item.has_expired(session.now_ms())) return seen;
  if (policy == Policy::fifo) return seen;
  if (policy != Policy::s3fifo) {
    seen.is_to_go = hits == 0;
    if (!seen.is_to_go) set_hits(found, 0);
    return seen;
  }
  const bool is_young = found.slot.get<Slot::Main>() == 0;
  if (is_young != (judges == Judges::young)) return {};
  seen.is_to_go = is_young ? !has_proved_itself(session, found.slot) : hits == 0;
  if (seen.is_to_go) return seen;
  if (is_young) {
    seen.is_promoted = promote(*core_, YoungKey(hash));
    if (seen.is_promoted) session.counters_.promoted.add();
  } else {
    set_hits(found, hits - 1);
  }
  return seen;
}

}  // namespace strata::cache
