#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

// So many victims a write pays for when the limit is further away than its own size; upkeep does the rest.
constexpr std::size_t kVictimsPerWrite = 16;
// Half of it is gone after some eleven thousand writes that evict.
constexpr unsigned kFadeEachWrite = 14;
// As long as nothing was evicted, what else is gone is remembered for the cause of misses alone: so many keys, 137 KB.
constexpr std::uint64_t kGhostsForCauses = 1U << 16U;

bool by_hand(Policy policy) noexcept { return policy == Policy::clock || policy == Policy::fifo; }

}  // namespace

// Takes an item out; what it frees comes back when nobody reads it any more.
bool Cache::evict(Session& session, Slot slot, Evicted& evicted) noexcept {
  const StoredItem item = core_->store.at(slot);
  const bool expired = item.has_expired(session.now_ms_);
  const std::uint64_t hash = core_->hash_of(item.key(), item.ns());
  const bool is_young = slot.get<Slot::Main>() == 0;
  const std::size_t freed = core_->store.whole_bytes_of(item);
  if (!remove_if_same(*core_, session, hash, slot, expired ? Cause::expired : Cause::evicted, [](StoredItem) { return true; }))
    return false;
  (expired ? session.counters_.expired : session.counters_.evicted).add();
  if (!expired && is_young) session.counters_.evicted_young.add();
  if (!expired && session.counters_.evicted.get() == 1) consider_ghosts();  // from here on they are for the policy
  session.note_gone(hash, expired ? Gone::expired : is_young ? Gone::evicted_young : Gone::evicted);
  evicted = {.found = true, .freed_bytes = freed};
  return true;
}

Cache::Evicted Cache::evict_one(Session& session) {
  if (policy() == Policy::noeviction || !can_retire(session)) return {};
  if (policy() == Policy::s3fifo) return evict_by_queues(session);
  if (keeps_order(policy())) return evict_by_order(session);
  if (policy() == Policy::custom) return evict_by_choice(session);
  if (keeps_beside(policy()) != UseTable::Keeps::nothing) return evict_by_use(session);
  return by_hand(policy()) ? evict_unordered(session) : evict_by_samples(session);
}

void Cache::consider_ghosts() noexcept {
  std::uint64_t items = 0;
  bool has_evicted = false;
  {
    const sync::MutexLock lock(sessions_mutex_);
    for (std::size_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) items += size_of(static_cast<Keyspace>(keyspace)).items;
    has_evicted = sum_of_sessions().evicted != 0;
  }
  // Causes are not worth that anything else has to go.
  if (!has_evicted && !core_->is_filling()) return;
  const std::uint64_t wanted = has_evicted ? items : kGhostsForCauses;
  const std::uint64_t capacity = core_->ghosts.capacity();
  // Another size forgets all of them, so it is left alone where it is about right, or memory is not short.
  if (capacity * 2 >= wanted && (capacity <= wanted * 8 || core_->is_filling())) return;
  core_->ghosts.resize(wanted, budget().limit_bytes() / kGhostShare);
}

bool Cache::evict_for(Session& session, std::uint64_t room_bytes, std::uint64_t own_bytes) {
  // What was retired before is charged until nobody reads it, but needs no others to go.
  session.quiescent();
  const std::uint64_t wanted = budget().total_bytes() + room_bytes + core_->held_back.load(std::memory_order_relaxed);
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
  core_->fade_shortage(kFadeEachWrite);
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
  pay_for_segments(session, static_cast<std::uint64_t>(added_bytes));
  session.added_ = 0;
}

void Cache::evict_bytes(Session& session, std::uint64_t bytes) {
  for (std::uint64_t freed = 0; freed < bytes;) {
    const Evicted evicted = evict_one(session);
    if (!evicted.found) break;
    freed += evicted.freed_bytes;
  }
}

// Whole segments are made free. What is evicted lies anywhere, some of it where it frees none: each time more goes.
bool Cache::find_pages(Session& session, std::uint64_t bytes, unsigned attempt) {
  constexpr unsigned kMostAttempts = 4;
  const std::uint64_t segment = core_->memory.segment_bytes();
  if (attempt == 0) {
    // Of the segment that is left some may lie idle.
    (void)evict_for(session, (bytes + 2 * segment - 1) / segment * segment, ~std::uint64_t{0});
  } else {
    evict_bytes(session, bytes << attempt);
  }
  session.reclaim();
  const bool is_last = attempt + 1 == kMostAttempts;
  return make_pages(session, bytes, is_last) || !is_last;
}

bool Cache::find_place(Session& session, unsigned attempt) {
  constexpr unsigned kAmongOthers = 2;
  constexpr std::uint64_t kShortageSteps = 1024, kLeastFreed = 16U << 10U;
  const std::uint64_t bytes = session.wanted_bytes_, limit = budget().limit_bytes();
  if (bytes == 0 || policy() == Policy::noeviction) return false;
  const std::uint64_t beside = budget().beside_items_bytes();
  if (limit == ~std::uint64_t{0} || beside > limit || bytes > limit - beside) return false;  // emptying the cache would not help
  session.counters_.place_searches.add();
  if (bytes > core_->memory.most_mixed_bytes()) return find_pages(session, bytes, attempt);
  core_->set_shortage(core_->shortage.load(std::memory_order_relaxed) + std::max(bytes, limit / kShortageSteps));
  // What is free lies in pieces that are too small for it: some that lie side by side make way, or else it gets a segment to begin.
  if (attempt >= kAmongOthers) {
    const bool is_first = attempt == kAmongOthers;
    if (is_first) session.cleared_place_ = evict_stretch(session, bytes);
    if (is_first && session.cleared_place_) return true;
    return find_pages(session, core_->memory.segment_bytes(), attempt - kAmongOthers - (session.cleared_place_ ? 1 : 0));
  }
  const std::uint64_t need = std::max(bytes, kLeastFreed) << attempt;
  if (!make_runs(session, need)) evict_bytes(session, need);
  session.reclaim();
  return true;
}

Status Cache::make_room(Session& session, std::size_t bytes) {
  const Operation operation(session);
  if (reserve(session, bytes)) return Status::ok;
  session.counters_.eviction_refusals.add();
  return Status::out_of_memory;
}

ValueRef Cache::allocate_value(Session& session, std::size_t bytes) {
  if (bytes > kMaxValueBytes || make_room(session, bytes + sizeof(ValueBlock)) != Status::ok) return {};
  const Operation operation(session);
  for (unsigned attempt = 0;; ++attempt) {
    ValueRef value = core_->store.allocate_block(session.handle_, bytes, 0);
    session.wanted_bytes_ = ItemStore::block_bytes(bytes);
    if (value) return value;
    if (find_place(session, attempt)) continue;
    session.counters_.eviction_refusals.add();
    return {};
  }
}

}  // namespace strata::cache
