#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/cache/budget.h"
#include "engine/cache/cache.h"
#include "engine/cache/decision.h"
#include "engine/cache/key.h"
#include "engine/cache/session.h"
#include "engine/cache/shard.h"

namespace strata::cache {

// Carries out the decisions of one update. What it takes out of the tables it keeps until `free_displaced`, so that freeing
// happens after unlocking: REQUIRES it outlives the locks. With a log it can take back everything it did, as long as the locks
// are held. Thread safety: none.
class Change {
 public:
  // `strict`: refuse whatever does not fit below the limit. Otherwise room has been made, or will be after unlocking, and only
  // what could never fit is refused.
  Change(Budget& budget, SessionCounters& counters, std::int64_t now_ms, bool strict) noexcept
      : budget_(&budget), counters_(&counters), now_ms_(now_ms), strict_(strict) {}
  ~Change() { free_displaced(); }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  // Makes it able to take back up to `changes` changes. False when memory is out. REQUIRES: nothing applied yet
  [[nodiscard]] bool keep_log(std::size_t changes) noexcept;

  // Asks `decide` about the key and does as it says. Other than ok: this key was left as it was.
  [[nodiscard]] Status apply(Shard& shard, const Key& key, const Visitor<void(Decision&)>& decide) STRATA_REQUIRES(shard.mutex);

  // Undoes all that was applied, last first. REQUIRES: keep_log; the locks of all shards applied to are still held
  void take_back() noexcept;

  // Frees what the changes have taken out; they can not be taken back any more.
  void free_displaced() noexcept {
    if (discarded_ != nullptr || logged_ > 0) free_all();
  }

  // What the budget was charged for more (or less, when negative).
  [[nodiscard]] std::int64_t added_bytes() const noexcept { return added_bytes_; }

 private:
  // How to undo one change: `added` goes out, `displaced` comes back; or `renewed` gets its old expiry again.
  struct Undo {
    Shard* shard;
    Table* table;
    Item* added;
    Item* displaced;
    Item* renewed;
    std::int64_t expire_at_ms;
  };
  // Where a key is, or would go.
  struct Place {
    Table* table = nullptr;  // null: the namespace has nothing in this shard
    Item** link = nullptr;   // into the table, as Table::find gives it

    [[nodiscard]] Item* item() const noexcept { return table == nullptr ? nullptr : *link; }
  };

  [[nodiscard]] Place find(Shard& shard, const Key& key) noexcept STRATA_REQUIRES(shard.mutex);
  void remove(Shard& shard, const Place& place) noexcept STRATA_REQUIRES(shard.mutex);
  void set_expiry(Shard& shard, const Place& place, std::int64_t expire_at_ms) noexcept STRATA_REQUIRES(shard.mutex);
  [[nodiscard]] Status put(Shard& shard, Place place, const Key& key, Decision& decision) STRATA_REQUIRES(shard.mutex);
  [[nodiscard]] static bool put_in_place(const Place& place, const Decision& decision) noexcept;
  [[nodiscard]] Item* make_item(const Item* old, const Key& key, Decision& decision) noexcept;
  [[nodiscard]] bool admits(std::size_t new_bytes, std::size_t old_bytes) const noexcept;
  void discard(Item* item) noexcept;
  void free_all() noexcept;
  void log(const Undo& undo) noexcept;

  Budget* budget_;
  SessionCounters* counters_;
  std::int64_t now_ms_;
  bool strict_;
  std::int64_t added_bytes_ = 0;
  Item* discarded_ = nullptr;  // linked by `next`
  std::unique_ptr<Undo[]> log_;
  std::size_t logged_ = 0;
};

}  // namespace strata::cache
