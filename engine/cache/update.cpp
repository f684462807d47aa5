#include "engine/cache/update.h"

#include <cstring>
#include <string>
#include <thread>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"

namespace strata::cache {

Status Update::run() {
  Prepared prepared(core_, session_);
  // What it replaces, what it made in vain, and what had expired.
  constexpr std::size_t kMostRetired = 3;
  for (bool decided = false;;) {
    if (!session_.retirement_.prepare(kMostRetired)) return Status::out_of_memory;
    const Databases::Version version = core_.databases.version();
    const Key now = core_.current(key_);
    // What was made ready is marked with the keyspace that the database was.
    if (now.keyspace != key_.keyspace) decided = false;
    key_ = now;
    const FoundSlot seen = core_.find(key_);
    if (!core_.databases.is_still(version)) continue;
    STRATA_PROTOCOL_POINT(writer_after_look);
    std::int64_t seen_expiry_ms = kNoExpiry;
    bool must_match = false;
    {
      StoredItem item = core_.store.at(seen.slot);
      if (seen) seen_expiry_ms = item.expiry_ms(session_.now_ms_);
      const bool is_there = seen && seen_expiry_ms > session_.now_ms_;
      if (seen && !is_there) {
        (void)remove_expired(core_, session_, key_, seen);
        continue;
      }
      if (!decided || prepared.kind() == Prepared::Kind::set_expiry) {
        const std::optional<ShownItem> shown =
            is_there ? std::optional<ShownItem>(std::in_place, core_.store, item, session_.now_ms_) : std::nullopt;
        Decision decision(shown ? &shown->view() : nullptr);
        decide_(decision);
        const Status status = prepared.make(key_, decision, is_there ? &item : nullptr, strict_);
        if (status != Status::ok) return status;
        must_match = decision.has_looked_ || prepared.kind() != Prepared::Kind::put;
        decided = !must_match;
      }
      if (is_there) note_hit(seen);
      if (prepared.kind() == Prepared::Kind::keep) return Status::ok;
    }
    switch (publish(prepared, seen, seen_expiry_ms, must_match)) {
      case Attempt::done: help_growing_at_times(core_, session_, key_.hash); return Status::ok;
      case Attempt::changed_meanwhile: session_.counters_.retries.add(); break;
      case Attempt::full:
        if (!make_place(core_, session_, key_.hash)) return Status::out_of_memory;
    }
  }
}

Update::Attempt Update::publish(Prepared& prepared, const FoundSlot& seen, std::int64_t seen_expiry_ms,
                                bool must_match) noexcept {
  Replaced replaced;
  {
    const Passage passage(session_.writer());
    if (core_.databases.keyspace_of(key_.ns) != key_.keyspace) return Attempt::changed_meanwhile;
    if (prepared.kind() == Prepared::Kind::put) core_.databases.note_written(key_.keyspace);
    LockedHome home(core_.shard_of(key_.hash), key_.hash);
    const FoundSlot found = home.find(key_.hash, core_.matches(key_));
    if (must_match && !STRATA_PROTOCOL_FAULT(write_without_comparing)) {
      if (static_cast<bool>(found) != static_cast<bool>(seen)) return Attempt::changed_meanwhile;
      if (found && (found.slot.offset_bytes() != seen.slot.offset_bytes() ||
                    core_.store.at(found.slot).expiry_ms(session_.now_ms_) != seen_expiry_ms))
        return Attempt::changed_meanwhile;
    }
    if (!apply(core_, home, key_, found, prepared, session_.now_ms_, replaced)) return Attempt::full;
  }
  added_bytes_ += book(session_, key_.keyspace, prepared, replaced);
  return Attempt::done;
}

bool make_place(Core& core, Session& session, std::uint64_t hash) noexcept {
  IndexShard& shard = core.shard_of(hash);
  if (shard.help_growing(session.participant_) || shard.is_growing()) return true;
  if (!shard.waits_for_readers()) return false;
  // Others end their slices within a millisecond.
  session.quiescent();
  std::this_thread::yield();
  return true;
}

void help_growing_at_times(Core& core, Session& session, std::uint64_t hash) noexcept {
  constexpr std::uint64_t kWritesPerHelp = 16;
  if (hash % kWritesPerHelp == 0) (void)core.shard_of(hash).help_growing(session.participant_);
}

#ifdef STRATA_PROTOCOL_POINTS
namespace {

// With the fault: the value is not there yet when the item is published.
class UnfinishedItem {
 public:
  UnfinishedItem(const ItemStore& store, const Prepared& prepared) {
    if (!STRATA_PROTOCOL_FAULT(publish_before_complete)) return;
    const std::string_view value = store.at(prepared.offset()).stored_value();
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

}  // namespace
#endif

bool apply(Core& core, LockedHome& home, const Key& key, const FoundSlot& found, const Prepared& prepared, std::int64_t now_ms,
           Replaced& replaced) noexcept {
  StoredItem item = core.store.at(found.slot);
  if (prepared.kind() == Prepared::Kind::set_expiry) {
    (void)item.set_expiry(prepared.expiry_ms(), now_ms);
    home.note_change();
    core.tell(Cause::expiry_changed, key.keyspace, key.hash, found.slot.offset_bytes(), found.slot.offset_bytes(), now_ms);
    return true;
  }
  if (found) replaced = {.offset = found.slot.offset_bytes(), .bytes = item.shape().item_bytes(), .expires = item.expires()};
  if (prepared.kind() == Prepared::Kind::remove) {
    if (!found) return true;
    (void)home.erase(key.hash, found);
    core.tell(Cause::removed, key.keyspace, key.hash, replaced.offset, 0, now_ms);
    return true;
  }
#ifdef STRATA_PROTOCOL_POINTS
  const UnfinishedItem unfinished(core.store, prepared);
#endif
  if (found) {
    (void)home.swing(found, prepared.slot());
  } else if (!home.insert(key.hash, prepared.slot())) {
    return false;
  }
  core.tell(Cause::written, key.keyspace, key.hash, replaced.offset, prepared.offset(), now_ms);
  return true;
}

std::int64_t book(Session& session, Keyspace keyspace, Prepared& prepared, const Replaced& replaced) noexcept {
  const bool added = prepared.kind() == Prepared::Kind::put;
  SessionCounters::Keyspace& counters = session.counters_.keyspaces[keyspace];
  counters.items.add((added ? 1 : 0) - (replaced ? 1 : 0));
  counters.with_expiry.add((added && prepared.expires() ? 1 : 0) - (replaced && replaced.expires ? 1 : 0));
  std::int64_t bytes = 0;
  if (added) {
    bytes += static_cast<std::int64_t>(prepared.bytes());
    prepared.published();
  }
  if (replaced) {
    STRATA_PROTOCOL_POINT(before_retire);
    // Charged until it is free.
    session.retirement_.retire(replaced.offset, replaced.bytes);
    bytes -= static_cast<std::int64_t>(replaced.bytes);
  }
  return bytes;
}

bool can_retire(Session& session) noexcept { return session.retirement_.prepare(); }

void count_removed(Session& session, Keyspace keyspace, const Replaced& removed) noexcept {
  SessionCounters::Keyspace& counters = session.counters_.keyspaces[keyspace];
  counters.items.add(-1);
  if (removed.expires) counters.with_expiry.add(-1);
  session.retirement_.retire(removed.offset, removed.bytes);
}

void count_expired(Session& session, Keyspace keyspace, const Replaced& removed) noexcept {
  count_removed(session, keyspace, removed);
  session.counters_.expired.add();
}

bool remove_expired(Core& core, Session& session, const Key& key, const FoundSlot& seen) noexcept {
  const std::int64_t now_ms = session.now_ms();
  if (!remove_if_same(core, session, key.hash, seen.slot, Cause::expired,
                      [now_ms](StoredItem item) { return item.has_expired(now_ms); }))
    return false;
  session.counters_.expired.add();
  return true;
}

}  // namespace strata::cache
