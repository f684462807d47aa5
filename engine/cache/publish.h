#pragma once

#include <cstdint>

#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/protocol_points.h"
#include "engine/cache/removal.h"
#include "engine/cache/session.h"

#ifdef STRATA_PROTOCOL_POINTS
#include <cstring>
#include <string>
#endif

// A new item becomes the key's: the two steps that every write of one shares, the one under the lock of the home and the one behind it.
namespace strata::cache {

// An item that is complete and charged, and that nobody else knows of.
struct PreparedItem {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t whole_bytes = 0;  // with its block
  bool expires = false;
  bool enters_main = true;  // where the key is new: whether it begins in the policy's main queue

  [[nodiscard]] Slot slot() const noexcept { return Slot::at(offset, 0, SlotPlace::home).with<Slot::Main>(enters_main ? 1 : 0); }
};

#ifdef STRATA_PROTOCOL_POINTS
// With the fault: the value is not there yet when the item is published.
class UnfinishedItem {
 public:
  UnfinishedItem(const ItemStore& store, std::uint64_t offset) {
    if (!STRATA_PROTOCOL_FAULT(publish_before_complete)) return;
    const std::string_view value = store.at(offset).stored_value();
    place_ = const_cast<char*>(value.data());
    value_ = value;
    std::memset(place_, 0, value_.size());
  }
  ~UnfinishedItem() {
    if (place_ == nullptr) return;
    STRATA_PROTOCOL_POINT(after_swing);
    value_.copy(place_, value_.size());
  }
  UnfinishedItem(const UnfinishedItem&) = delete;
  UnfinishedItem& operator=(const UnfinishedItem&) = delete;

 private:
  char* place_ = nullptr;
  std::string value_;
};
#endif

// What is in a slot and about to be in none.
[[nodiscard]] inline Replaced replaced_at(const Core& core, const FoundSlot& found) noexcept {
  const StoredItem item = core.store.at(found.slot);
  return {.offset = found.slot.offset_bytes(),
          .bytes = item.bytes(),
          .expires = item.expires(),
          .is_young = found.slot.get<Slot::Main>() == 0};
}

// Has the key name the item from here on. `found`: its slot, as it was found under the lock; `replaced`: what that named. False: the index is full,
// nothing is changed.
[[nodiscard]] inline bool publish(Core& core, LockedHome& home, const Key& key, const FoundSlot& found, const PreparedItem& item,
                                  const Replaced& replaced, std::int64_t now_ms) noexcept {
#ifdef STRATA_PROTOCOL_POINTS
  const UnfinishedItem unfinished(core.store, item.offset);
#endif
  if (found) {
    (void)home.swing(found, item.slot());
  } else if (!home.insert(key.hash, item.slot())) {
    return false;
  }
  core.tell(Cause::written, key.keyspace, key.hash, replaced.offset, item.offset, now_ms);
  return true;
}

// Counts it, tells the policy, and retires what was replaced. With no lock held.
inline void book_published(Session& session, Keyspace keyspace, std::uint64_t hash, const PreparedItem& item,
                           const Replaced& replaced) noexcept {
  SessionCounters::Keyspace& counters = session.counters_.keyspaces[keyspace];
  if (!replaced) {
    counters.items.add(1);
    if (item.expires) counters.with_expiry.add(1);
    session.note_new(hash, item.whole_bytes, item.enters_main);
    session.note_place(0, item.offset);
    return;
  }
  if (item.expires != replaced.expires) counters.with_expiry.add(item.expires ? 1 : -1);
  session.note_replaced(hash, item.whole_bytes, replaced.is_young);
  session.note_place(replaced.offset, item.offset);
  STRATA_PROTOCOL_POINT(before_retire);
  // Charged until it is free.
  session.retirement_.retire(replaced.offset, replaced.bytes);
}

}  // namespace strata::cache
