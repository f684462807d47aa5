#include "engine/cache/update.h"

#include <thread>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"

namespace strata::cache {
namespace {

// What an update replaces, what it made in vain, and what had expired.
constexpr std::size_t kMostRetired = 3;

}  // namespace

// The item as it is: never one that has expired or was invalidated, nor of another database.
const ItemView* Update::look() noexcept {
  has_looked_ = true;
  for (;;) {
    const Databases::Version version = core_.databases.version();
    follow_database();
    seen_ = core_.find(*key_);
    const bool is_invalidated = seen_ && core_.is_invalidated(seen_.slot);
    if (!core_.databases.is_still(version)) continue;
    STRATA_PROTOCOL_POINT(writer_after_look);
    shown_.reset();
    if (is_invalidated) [[unlikely]] {
      seen_ = {};
      if (!session_.retirement_.prepare(kMostRetired)) return nullptr;
      (void)remove_invalidated(core_, session_, *key_);
      continue;
    }
    if (!seen_) return nullptr;
    const StoredItem item = core_.store.at(seen_.slot);
    seen_expiry_ms_ = item.expiry_ms(session_.now_ms_);
    if (seen_expiry_ms_ > session_.now_ms_) [[likely]]
      return &shown_.emplace(core_.store, item, session_.now_ms_).view();
    if (!session_.retirement_.prepare(kMostRetired)) {
      seen_ = {};
      return nullptr;
    }
    (void)remove_expired(core_, session_, *key_, seen_);
  }
}

void Update::follow_database() noexcept {
  if (core_.is_current(*key_)) [[likely]]
    return;
  key_ = &followed_.emplace(core_.current(*key_));
}

Status Update::decide(Prepared& prepared) noexcept {
  has_looked_ = false;
  Decision decision(*this);
  decide_(decision);
  must_match_ = decision.has_looked_;
  const bool is_about_expiry = decision.action_ == Decision::Action::set_expiry;
  if (is_about_expiry) must_match_ = true;
  if (!has_looked_ && is_about_expiry) (void)look();
  if (!has_looked_) {
    const Status status = prepared.make(*key_, decision, Prepared::Presence::unknown, nullptr, strict_);
    if (status != Status::out_of_memory) return status;
    // What it replaces makes room too.
    (void)look();
  }
  if (!seen_) return prepared.make(*key_, decision, Prepared::Presence::absent, nullptr, strict_);
  const StoredItem item = core_.store.at(seen_.slot);
  const Status status = prepared.make(*key_, decision, Prepared::Presence::present, &item, strict_);
  if (prepared.kind() == Prepared::Kind::keep || prepared.kind() == Prepared::Kind::set_expiry)
    note_hit(core_, session_, key_->hash, seen_);
  return status;
}

Status Update::run() {
  Prepared prepared(core_, session_);
  ahead_ = core_.shard_of(key_->hash).look_ahead(key_->hash);
  for (bool is_decided = false;;) {
    if (!session_.retirement_.prepare(kMostRetired)) return Status::out_of_memory;
    if (!core_.is_current(*key_)) [[unlikely]] {
      // What was made ready is marked with the keyspace that the database was.
      follow_database();
      is_decided = false;
    }
    if (!is_decided) {
      const Status status = decide(prepared);
      if (status != Status::ok || prepared.kind() == Prepared::Kind::keep) return status;
      is_decided = !must_match_;
    }
    switch (publish(prepared)) {
      case Attempt::done: help_growing_at_times(core_, session_, key_->hash); return Status::ok;
      case Attempt::changed_meanwhile: session_.counters_.retries.add(); break;
      case Attempt::invalidated_meanwhile:
        // What is there does not count any more, nor what was made ready.
        (void)remove_invalidated(core_, session_, *key_);
        is_decided = false;
        break;
      case Attempt::full:
        // Which may be quiescent.
        ahead_ = IndexShard::Ahead::none();
        if (!make_place(core_, session_, key_->hash)) return Status::out_of_memory;
    }
  }
}

bool Update::is_as_seen(const FoundSlot& found) const noexcept {
  if (STRATA_PROTOCOL_FAULT(write_without_comparing)) return true;
  if (static_cast<bool>(found) != static_cast<bool>(seen_)) return false;
  return !found || (found.slot.offset_bytes() == seen_.slot.offset_bytes() &&
                    core_.store.at(found.slot).expiry_ms(session_.now_ms_) == seen_expiry_ms_);
}

LockedHome Update::lock_home() const noexcept {
  IndexShard& shard = core_.shard_of(key_->hash);
  if (followed_) [[unlikely]]
    return LockedHome(shard, key_->hash);
  return LockedHome(shard, key_->hash, ahead_);
}

Update::Attempt Update::publish(Prepared& prepared) noexcept {
  Replaced replaced;
  bool had_expired = false;
  {
    const Passage passage(session_.writer());
    if (!core_.is_current(*key_)) return Attempt::changed_meanwhile;
    // Or it would go with what was there before it.
    if (prepared.kind() == Prepared::Kind::put && core_.is_invalidated_since(*key_, prepared.epoch()) &&
        !STRATA_PROTOCOL_FAULT(item_of_old_epoch)) [[unlikely]]
      return Attempt::invalidated_meanwhile;
    if (prepared.kind() == Prepared::Kind::put) core_.databases.note_written(key_->keyspace);
    LockedHome home = lock_home();
    const FoundSlot found = home.find(key_->hash, core_.matches(*key_));
    if (found && core_.is_invalidated(found.slot)) [[unlikely]]
      return Attempt::invalidated_meanwhile;
    if (must_match_ && !is_as_seen(found)) return Attempt::changed_meanwhile;
    had_expired = found && core_.store.at(found.slot).has_expired(session_.now_ms_);
    if (!apply(core_, home, *key_, found, prepared, session_.now_ms_, replaced)) return Attempt::full;
  }
  if (had_expired) session_.counters_.expired.add();
  added_bytes_ += book(session_, key_->keyspace, prepared, replaced, had_expired);
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
  constexpr std::uint64_t kWritesPerHelp = 8;
  if (hash % kWritesPerHelp == 0) (void)core.shard_of(hash).help_growing(session.participant_);
}

bool apply(Core& core, LockedHome& home, const Key& key, const FoundSlot& found, const Prepared& prepared, std::int64_t now_ms,
           Replaced& replaced) noexcept {
  if (prepared.kind() == Prepared::Kind::set_expiry) {
    (void)core.store.set_expiry(found.slot.offset_bytes(), prepared.expiry_ms(), now_ms);
    home.note_change();
    core.tell(Cause::expiry_changed, key.keyspace, key.hash, found.slot.offset_bytes(), found.slot.offset_bytes(), now_ms);
    return true;
  }
  if (found) replaced = replaced_at(core, found);
  if (prepared.kind() == Prepared::Kind::remove) {
    if (!found) return true;
    const Cause cause = core.store.at(found.slot).has_expired(now_ms) ? Cause::expired : Cause::removed;
    (void)home.erase(key.hash, found);
    core.tell(cause, key.keyspace, key.hash, replaced.offset, 0, now_ms);
    return true;
  }
  return publish(core, home, key, found, prepared.item(), replaced, now_ms);
}

std::int64_t book(Session& session, Keyspace keyspace, Prepared& prepared, const Replaced& replaced, bool had_expired) noexcept {
  const std::int64_t replaced_bytes = static_cast<std::int64_t>(replaced.bytes);
  if (prepared.kind() == Prepared::Kind::put) {
    book_published(session, keyspace, prepared.hash(), prepared.item(), replaced);
    prepared.published();
    return static_cast<std::int64_t>(prepared.item().bytes) - replaced_bytes;
  }
  if (!replaced) return 0;
  STRATA_PROTOCOL_POINT(before_retire);
  count_removed(session, keyspace, prepared.hash(), replaced);
  session.note_gone(prepared.hash(), had_expired ? Gone::expired : Gone::removed);
  return -replaced_bytes;
}

}  // namespace strata::cache
