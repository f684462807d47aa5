#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/cache/cache.h"
#include "engine/cache/joint_lock.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

// One key of several, and what becomes of it: decisions about the same key follow one another, and the last one's outcome is published.
struct Part {
  Key key;
  LockedHome* home;
  FoundSlot found;
  Prepared prepared;
  Replaced replaced;

  [[nodiscard]] bool inserts() const noexcept { return prepared.kind() == Prepared::Kind::put && !found; }
};

// The parts of a change of several keys, from the first decision to the moment when all of it shows.
class Parts {
 public:
  Parts(Core& core, Session& session, const JointLock& lock, std::size_t keys, bool strict)
      : core_(core), session_(session), strict_(strict) {
    parts_.reserve(keys);
    of_.reserve(keys);
    for (std::size_t index = 0; index < keys; ++index) add(lock.key(index), lock.home(index));
  }

  [[nodiscard]] Status decide(std::size_t index, const Visitor<void(std::size_t, Decision&)>& decide);
  // False: the index is full; nothing is changed.
  [[nodiscard]] bool publish() noexcept;
  // Everything of it, with the homes unlocked. Returns the bytes added.
  [[nodiscard]] std::int64_t book_all() noexcept;
  // What had expired, or was invalidated, when it was looked up. With the homes unlocked, whatever came of the rest.
  void book_expired() noexcept;
  // Where a table is full.
  [[nodiscard]] std::uint64_t full_hash() const noexcept { return full_hash_; }

 private:
  void add(const Key& key, LockedHome& home);
  [[nodiscard]] FoundSlot find(const Key& key, LockedHome& home);

  Core& core_;
  Session& session_;
  bool strict_;
  struct Expired {
    Keyspace keyspace;
    std::uint64_t hash;
    Replaced item;
    InvalidatedPrefixes::View::Count invalidation;  // empty: it had expired
  };
  std::vector<Expired> expired_;
  std::vector<Part> parts_;
  std::vector<std::size_t> of_;  // of each key
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;
  std::uint64_t full_hash_ = 0;
};

void Parts::add(const Key& key, LockedHome& home) {
  const auto [begin, end] = by_hash_.equal_range(key.hash);
  for (auto known = begin; known != end; ++known) {
    const Key& other = parts_[known->second].key;
    if (other.keyspace != key.keyspace || other.bytes != key.bytes) continue;
    of_.push_back(known->second);
    return;
  }
  by_hash_.emplace(key.hash, parts_.size());
  of_.push_back(parts_.size());
  parts_.push_back({.key = key, .home = &home, .found = find(key, home), .prepared = Prepared(core_, session_), .replaced = {}});
}

// An item that has expired or was invalidated is taken out before anybody decides: whatever becomes of the change, it is gone for all.
FoundSlot Parts::find(const Key& key, LockedHome& home) {
  const FoundSlot found = home.find(key.hash, core_.matches(key));
  if (!found) return found;
  const StoredItem item = core_.store.at(found.slot);
  const InvalidatedPrefixes::View::Count invalidation = core_.invalidation_of(found.slot);
  const bool had_expired = item.has_expired(session_.now_ms());
  if (!invalidation && !had_expired) return found;
  expired_.push_back({.keyspace = key.keyspace,
                      .hash = key.hash,
                      .item = {.offset = found.slot.offset_bytes(), .bytes = item.bytes(), .expires = item.expires()},
                      .invalidation = had_expired ? InvalidatedPrefixes::View::Count() : invalidation});
  (void)home.erase(key.hash, found);
  if (!invalidation) core_.tell(Cause::expired, key.keyspace, key.hash, found.slot.offset_bytes(), 0, session_.now_ms());
  return {};
}

void Parts::book_expired() noexcept {
  for (const Expired& expired : expired_) {
    if (expired.invalidation) {
      count_invalidated(session_, expired.keyspace, expired.hash, expired.item, expired.invalidation);
    } else {
      count_expired(session_, expired.keyspace, expired.hash, expired.item);
    }
  }
  expired_.clear();
}

Status Parts::decide(std::size_t index, const Visitor<void(std::size_t, Decision&)>& decide) {
  Part& part = parts_[of_[index]];
  const Prepared::Kind before = part.prepared.kind();
  // What the decision sees: the outcome of the one before about this key, else the item there is.
  const bool is_new = before == Prepared::Kind::put;
  const bool is_there = is_new || (before != Prepared::Kind::remove && part.found);
  std::optional<StoredItem> item;
  std::optional<ShownItem> shown;
  ItemView view;
  if (is_there) {
    item = core_.store.at(is_new ? part.prepared.item().offset : part.found.slot.offset_bytes());
    shown.emplace(core_.store, *item, session_.now_ms());
    view = shown->view();
    if (before == Prepared::Kind::set_expiry) view.expire_at_ms = part.prepared.expiry_ms();
  }
  Decision decision(is_there ? &view : nullptr);
  decide(index, decision);
  Prepared next(core_, session_);
  using Presence = Prepared::Presence;
  const Status status =
      next.make(part.key, decision, is_there ? Presence::present : Presence::absent, is_there ? &*item : nullptr, strict_);
  if (status != Status::ok) return status;
  if (next.kind() == Prepared::Kind::keep) return Status::ok;
  if (is_new && next.kind() == Prepared::Kind::set_expiry) {
    (void)part.prepared.change_expiry(next.expiry_ms(), session_.now_ms());
    return Status::ok;
  }
  part.prepared = std::move(next);
  if (part.prepared.kind() == Prepared::Kind::remove && !part.found) part.prepared.forget();
  return Status::ok;
}

bool Parts::publish() noexcept {
  // What may fail first: it can be taken back, for nobody sees it yet.
  for (std::size_t index = 0; index < parts_.size(); ++index) {
    Part& part = parts_[index];
    if (part.inserts()) core_.databases.note_written(part.key.keyspace);
    if (!part.inserts() || part.home->insert(part.key.hash, part.prepared.item().slot())) continue;
    full_hash_ = part.key.hash;
    for (std::size_t other = 0; other < index; ++other) {
      const Part& inserted = parts_[other];
      if (!inserted.inserts()) continue;
      const FoundSlot slot = inserted.home->find(inserted.key.hash, core_.matches(inserted.key));
      (void)inserted.home->erase(inserted.key.hash, slot);
    }
    return false;
  }
  for (Part& part : parts_) {
    if (part.prepared.kind() == Prepared::Kind::keep) continue;
    // What was inserted may have sent it aside.
    if (part.found) part.found = part.home->find(part.key.hash, core_.matches(part.key));
    if (part.inserts()) {
      core_.tell(Cause::written, part.key.keyspace, part.key.hash, 0, part.prepared.item().offset, session_.now_ms());
      continue;
    }
    (void)apply(core_, *part.home, part.key, part.found, part.prepared, session_.now_ms(), part.replaced);
  }
  return true;
}

std::int64_t Parts::book_all() noexcept {
  std::int64_t added = 0;
  for (Part& part : parts_) {
    const Prepared::Kind kind = part.prepared.kind();
    if (kind == Prepared::Kind::put || kind == Prepared::Kind::remove)
      added += book(session_, part.key.keyspace, part.prepared, part.replaced);
    help_growing_at_times(core_, session_, part.key.hash);
  }
  return added;
}

}  // namespace

Status Cache::change_together(Session& session, std::span<const Key> keys, const Visitor<void(std::size_t, Decision&)>& decide,
                              bool strict, std::int64_t& added_bytes) {
  // What each replaces, had expired, or was made in vain by a decision about the same key before.
  constexpr std::size_t kMostRetiredEach = 3;
  for (;;) {
    if (!session.retirement_.prepare(kMostRetiredEach * keys.size())) return Status::out_of_memory;
    std::optional<Parts> parts;
    Status status = Status::ok;
    bool published = false;
    {
      const Passage passage(session.writer());
      const JointLock lock(*core_, keys);
      parts.emplace(*core_, session, lock, keys.size(), strict);
      for (std::size_t index = 0; index < keys.size() && status == Status::ok; ++index) status = parts->decide(index, decide);
      if (status == Status::ok) published = parts->publish();
    }
    parts->book_expired();
    if (status != Status::ok) return status;
    if (published) {
      added_bytes = parts->book_all();
      return Status::ok;
    }
    const std::uint64_t full = parts->full_hash();
    parts.reset();
    if (!make_place(*core_, session, full)) return Status::out_of_memory;
  }
}

}  // namespace strata::cache
