#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/publish.h"
#include "engine/cache/removal.h"
#include "engine/cache/session.h"
#include "engine/cache/status.h"

namespace strata::cache {

// What a decision comes to, before anybody sees it: the new item, complete and charged, or that there is to be none.
// Retires what was not published: the hand of the eviction may have come by.
class Prepared {
 public:
  enum class Kind : std::uint8_t { keep, remove, put, set_expiry };

  Prepared(Core& core, Session& session) noexcept : core_(&core), session_(&session) {}
  Prepared(Prepared&& other) noexcept;
  ~Prepared() { discard(); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  Prepared& operator=(Prepared&& other) noexcept;

  // What there is of the key.
  enum class Presence : std::uint8_t { absent, present, unknown };
  // Makes ready what `decision` wants. Other than ok: nothing is ready. `current`: the key's item, where it is known to be present. `strict`: as
  // Update's. REQUIRES: the presence is known, if the decision is about the expiry alone.
  [[nodiscard]] Status make(const Key& key, Decision& decision, Presence presence, const StoredItem* current,
                            bool strict) noexcept;
  void discard() noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const PreparedItem& item() const noexcept { return item_; }
  [[nodiscard]] std::int64_t expiry_ms() const noexcept { return expiry_ms_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  // How many prefixes had been invalidated, as far as that matters to the new item.
  [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }
  // Nothing is to be done after all.
  void forget() noexcept {
    discard();
    kind_ = Kind::keep;
  }
  // The new item gets another expiry. False: it has no place for it, and make() must make another.
  [[nodiscard]] bool change_expiry(std::int64_t expiry_ms, std::int64_t now_ms) noexcept;
  // The item is the index's now.
  void published() noexcept { item_.offset = 0; }

 private:
  [[nodiscard]] Status make_item(const Key& key, Decision& decision, const StoredItem* current) noexcept;
  [[nodiscard]] Epoch epoch_of(const Key& key) const noexcept;
  [[nodiscard]] std::uint32_t written_s() const noexcept;
  // What ExpiryRules say about what was asked for.
  void follow_expiry_rules(const Decision& decision, const StoredItem* current) noexcept;
  [[nodiscard]] Status make_written(const Key& key, const Decision& decision, const StoredItem* current) noexcept;
  [[nodiscard]] Status make_large(NewItem item, Decision& decision, const StoredItem* current) noexcept;
  // For want of a place of the item's bytes.
  [[nodiscard]] Status out_of_memory() noexcept;
  [[nodiscard]] bool admits(const StoredItem* current, bool strict) const noexcept;

  Core* core_;
  Session* session_;
  Kind kind_ = Kind::keep;
  PreparedItem item_;
  std::uint64_t block_bytes_ = 0;  // of a block that was made for it
  std::int64_t expiry_ms_ = kNoExpiry;
  std::int64_t lifetime_ms_ = 0;  // of an item whose expiry slides
  std::uint64_t hash_ = 0;
  Epoch epoch_ = 0;
};

// Somebody has asked for an item: one hit more since the hand passed. Seldom a write, for a slot counts to 3.
inline void note_hit(const Core& core, Session& session, std::uint64_t hash, const FoundSlot& found) noexcept {
  if (notes_use(core.policy.load(std::memory_order_relaxed))) [[unlikely]]
    session.note_use(hash, found.slot.offset_bytes());
  const std::uint64_t hits = found.slot.get<Slot::Frequency>();
  if (hits == Slot::Frequency::kLargest) return;
  std::uint64_t bits = found.slot.bits();
  (void)found.address->compare_exchange_strong(bits, found.slot.with<Slot::Frequency>(hits + 1).bits(),
                                               std::memory_order_relaxed);
}

// Carries out what was prepared, for the key's slot as it was found under the lock. False: the index is full, nothing is changed.
[[nodiscard]] bool apply(Core& core, LockedHome& home, const Key& key, const FoundSlot& found, const Prepared& prepared,
                         std::int64_t now_ms, Replaced& replaced) noexcept;
// Counts it, and retires what was replaced. Returns the bytes added. With no lock held.
// `had_expired`: what was replaced had, for this session.
std::int64_t book(Session& session, Keyspace keyspace, Prepared& prepared, const Replaced& replaced,
                  bool had_expired = false) noexcept;

// A table was full: has it grow. False: it can not, memory is out. With no home locked and nothing of the cache in hand.
[[nodiscard]] bool make_place(Core& core, Session& session, std::uint64_t hash) noexcept;
// With one write in eight, by the key's hash: a table that grows by an eighth takes 56 new items for each block that has to be moved.
void help_growing_at_times(Core& core, Session& session, std::uint64_t hash) noexcept;

// One read-modify-write of one key. The decision is made and the new item built while nobody is held up; then the home is locked, and if
// the key is still as the decision saw it, one store publishes the item. If it is not: once more.
class Update final : private Decision::Looker {
 public:
  // `key` outlives it. `strict`: refuses whatever does not fit below the limit. Otherwise room has been made, or will be, and only what could never fit is refused.
  Update(Core& core, Session& session, const Key& key, const Visitor<void(Decision&)>& decide, bool strict) noexcept
      : core_(core), session_(session), key_(&key), decide_(decide), strict_(strict) {}

  [[nodiscard]] Status run();
  // Bytes of items that it added, less those it removed.
  [[nodiscard]] std::int64_t added_bytes() const noexcept { return added_bytes_; }

 private:
  enum class Attempt : std::uint8_t { done, changed_meanwhile, full, invalidated_meanwhile };

  const ItemView* look() noexcept override;
  void follow_database() noexcept;
  [[nodiscard]] Status decide(Prepared& prepared) noexcept;
  [[nodiscard]] bool is_as_seen(const FoundSlot& found) const noexcept;
  [[nodiscard]] Attempt publish(Prepared& prepared) noexcept;
  [[nodiscard]] LockedHome lock_home() const noexcept;

  Core& core_;
  Session& session_;
  const Key* key_;  // the caller's, or followed_
  IndexShard::Ahead ahead_;  // of the caller's
  std::optional<Key> followed_;
  const Visitor<void(Decision&)>& decide_;
  bool strict_;
  // What the last look has shown.
  bool has_looked_ = false;
  FoundSlot seen_;
  std::int64_t seen_expiry_ms_ = kNoExpiry;
  std::optional<ShownItem> shown_;

  bool must_match_ = false;  // the outcome depends on what was seen
  std::int64_t added_bytes_ = 0;
};

}  // namespace strata::cache
