#pragma once

#include <cstdint>

#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/session.h"
#include "engine/cache/status.h"

// Items are taken out of the index, each under the lock of its home, and go back to the item memory when nobody reads them any more.
namespace strata::cache {

// What a change took out of the index.
struct Replaced {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool expires = false;
  bool is_young = false;
  explicit operator bool() const noexcept { return offset != 0; }
};

// Takes a slot's item out if it is still that one and `is_due(StoredItem)`, and there is memory to retire it.
[[nodiscard]] bool can_retire(Session& session) noexcept;
template <typename IsDue>
bool remove_if_same(Core& core, Session& session, std::uint64_t hash, Slot slot, Cause cause, IsDue&& is_due) noexcept {
  Replaced removed;
  if (!can_retire(session)) return false;
  {
    const Passage passage(session.writer());
    LockedHome home(core.shard_of(hash), hash);
    const FoundSlot found = home.find(hash, [slot](Slot other) { return other.offset_bytes() == slot.offset_bytes(); });
    if (!found || !is_due(core.store.at(slot))) return false;
    const StoredItem item = core.store.at(slot);
    removed = {.offset = slot.offset_bytes(), .bytes = item.bytes(), .expires = item.expires()};
    (void)home.erase(hash, found);
    core.tell(cause, item.ns(), hash, removed.offset, 0, session.now_ms());
  }
  count_removed(session, core.store.at(slot).ns(), hash, removed);
  return true;
}
void count_removed(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed) noexcept;
void count_expired(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed) noexcept;
void count_invalidated(Session& session, Keyspace keyspace, std::uint64_t hash, const Replaced& removed,
                       InvalidatedPrefixes::View::Count count) noexcept;
// A key's item whose time has come.
bool remove_expired(Core& core, Session& session, const Key& key, const FoundSlot& seen) noexcept;

// A key's item that was invalidated with its prefix. False: it is there no more, or no memory to retire it.
bool remove_invalidated(Core& core, Session& session, const Key& key) noexcept;

// What a key holds, whatever that is. `was_there`: and had not expired, nor was invalidated. Other than ok: there is no memory to retire it, and nothing has
// happened.
[[nodiscard]] Status remove_any(Core& core, Session& session, const Key& key, bool& was_there) noexcept;

}  // namespace strata::cache
