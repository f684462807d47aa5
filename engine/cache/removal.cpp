#include "engine/cache/removal.h"

#include <optional>

#include "engine/cache/protocol_points.h"
#include "engine/cache/update.h"

namespace strata::cache {

bool can_retire(Session& session) noexcept { return session.retirement_.prepare(); }

void count_removed(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed) noexcept {
  session.note_order(hash, OrderEvent::Kind::removed);
  SessionCounters::Keyspace& counters = session.counters_.keyspaces[keyspace];
  counters.items.add(-1);
  if (removed.expires) counters.with_expiry.add(-1);
  session.retirement_.retire(removed.offset, removed.bytes);
}

void count_expired(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed) noexcept {
  count_removed(session, keyspace, hash, removed);
  session.note_gone(hash, Gone::expired);
  session.counters_.expired.add();
}

void count_invalidated(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed,
                       InvalidatedPrefixes::View::Count count) noexcept {
  count.add();
  count_removed(session, keyspace, hash, removed);
  session.note_gone(hash, Gone::removed);
  session.counters_.invalidated.add();
}

// What was taken out of the index, and why that may have been no loss.
struct TakenItem {
  Replaced item;
  bool had_expired = false;
  InvalidatedPrefixes::View::Count invalidation;
};

namespace {

enum class Which : std::uint8_t { any, invalidated };

// REQUIRES: can_retire(); the thread is inside the gate, and the key's database is the keyspace that it was hashed with.
TakenItem take_out(Core& core, LockedHome& home, const Key& key, std::int64_t now_ms, Which which) noexcept {
  TakenItem taken;
  const FoundSlot found = home.find(key.hash, core.matches(key));
  if (!found) return taken;
  taken.invalidation = core.invalidation_of(found.slot);
  if (which == Which::invalidated && !taken.invalidation) return taken;
  const StoredItem item = core.store.at(found.slot);
  taken.had_expired = item.has_expired(now_ms);
  taken.item = {.offset = found.slot.offset_bytes(), .bytes = item.bytes(), .expires = item.expires()};
  (void)home.erase(key.hash, found);
  // Of the prefix the listener has heard.
  if (!taken.invalidation)
    core.tell(taken.had_expired ? Cause::expired : Cause::removed, key.keyspace, key.hash, taken.item.offset, 0, now_ms);
  return taken;
}

}  // namespace

void count_taken(Session& session, const Key& key, const TakenItem& taken) noexcept {
  STRATA_PROTOCOL_POINT(before_retire);
  if (taken.had_expired) return count_expired(session, key.keyspace, key.hash, taken.item);
  if (taken.invalidation) return count_invalidated(session, key.keyspace, key.hash, taken.item, taken.invalidation);
  count_removed(session, key.keyspace, key.hash, taken.item);
  session.note_gone(key.hash, Gone::removed);
}

bool remove_invalidated(Core& core, Session& session, const Key& key) noexcept {
  if (!can_retire(session)) return false;
  TakenItem taken;
  {
    const Passage passage(session.writer());
    LockedHome home(core.shard_of(key.hash), key.hash);
    taken = take_out(core, home, key, session.now_ms(), Which::invalidated);
  }
  if (!taken.item) return false;
  count_taken(session, key, taken);
  return true;
}

Status remove_any(Core& core, Session& session, const Key& given, bool& was_there) noexcept {
  was_there = false;
  const IndexShard::Ahead ahead = core.shard_of(given.hash).look_ahead(given.hash);
  if (!can_retire(session)) return Status::out_of_memory;
  const Key* key = &given;
  std::optional<Key> anew;
  TakenItem taken;
  {
    const Passage passage(session.writer());
    // Inside the gate no database becomes another keyspace.
    if (!core.is_current(given)) [[unlikely]]
      key = &anew.emplace(core.current(given));
    IndexShard& shard = core.shard_of(key->hash);
    LockedHome home = anew ? LockedHome(shard, key->hash) : LockedHome(shard, key->hash, ahead);
    taken = take_out(core, home, *key, session.now_ms(), Which::any);
  }
  if (taken.item) {
    was_there = !taken.had_expired && !taken.invalidation;
    count_taken(session, *key, taken);
  }
  help_growing_at_times(core, session, key->hash);
  return Status::ok;
}

bool remove_expired(Core& core, Session& session, const Key& key, const FoundSlot& seen) noexcept {
  const std::int64_t now_ms = session.now_ms();
  if (!remove_if_same(core, session, key.hash, seen.slot, Cause::expired,
                      [now_ms](StoredItem item) { return item.has_expired(now_ms); }))
    return false;
  session.note_gone(key.hash, Gone::expired);
  session.counters_.expired.add();
  return true;
}

}  // namespace strata::cache
