#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/cache/budget.h"
#include "engine/cache/change.h"
#include "engine/cache/databases.h"
#include "engine/cache/decision.h"
#include "engine/cache/index_memory.h"
#include "engine/cache/index_shard.h"
#include "engine/cache/item_memory.h"
#include "engine/cache/item_store.h"
#include "engine/cache/key.h"
#include "engine/cache/options.h"
#include "engine/cache/write_gate.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

// What the files of the cache work on together: where items lie, how they are found, who reads them.
struct Core {
  Core(const Options& options, std::uint64_t limit_bytes);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  [[nodiscard]] IndexShard& shard_of(std::uint64_t hash) noexcept { return shards[cache::shard_of(hash)]; }
  [[nodiscard]] std::uint64_t hash_of(std::string_view key, Keyspace keyspace) const noexcept {
    return cache::hash_of(key, hash_seed + keyspace * std::uint64_t{0x9E3779B97F4A7C15});
  }
  // Whether a key's hash is of the keyspace that its database is now.
  [[nodiscard]] bool is_current(const Key& key) const noexcept { return databases.keyspace_of(key.ns) == key.keyspace; }
  // The key as of now: hashed anew if its database has become another keyspace since.
  [[nodiscard]] Key current(const Key& key) const noexcept {
    const Keyspace keyspace = databases.keyspace_of(key.ns);
    if (keyspace == key.keyspace) [[likely]]
      return key;
    return {.bytes = key.bytes, .hash = hash_of(key.bytes, keyspace), .ns = key.ns, .keyspace = keyspace, .place = {}};
  }
  // Whether a slot's item is the key's.
  [[nodiscard]] auto matches(const Key& key) const noexcept {
    return [this, &key](Slot slot) { return store.at(slot).has_key(key.keyspace, key.bytes); };
  }
  [[nodiscard]] FoundSlot find(const Key& key) noexcept {
    if (key.place.slot != nullptr) {
      const FoundSlot found = shard_of(key.hash).find_at(key.place, matches(key));
      if (found) [[likely]]
        return found;
    }
    return shard_of(key.hash).find(key.hash, matches(key));
  }

  // Tells the listener of a change under the lock of the key's home, where there is one. `before`, `after`: of items, 0 for none.
  void tell(Cause cause, Keyspace keyspace, std::uint64_t hash, std::uint64_t before, std::uint64_t after,
            std::int64_t now_ms) noexcept {
    if (listener.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      tell_of(cause, keyspace, hash, before, after, now_ms);
  }
  void tell_of(Cause cause, Keyspace keyspace, std::uint64_t hash, std::uint64_t before, std::uint64_t after,
               std::int64_t now_ms) noexcept;

  const std::uint64_t hash_seed;
  Budget budget;
  Budget placement;  // what of the item memory is resident; `budget` has the items themselves
  ItemMemory memory;
  ItemStore store;
  IndexMemory index_memory;
  WriteGate gate;
  Databases databases;  // changed while the gate is closed
  std::atomic<ChangeListener*> listener = nullptr;
  std::array<std::atomic<std::uint64_t>, kShardCount> change_sequences{};
  sync::qsbr::Domain readers{sync::LockRank{.name = "readers of the cache", .order = 650}};
  IndexShard* shards = nullptr;  // kShardCount
};

// One hit more since the hand passed. Seldom a write: a slot counts to 3.
inline void note_hit(const FoundSlot& found) noexcept {
  const std::uint64_t hits = found.slot.get<Slot::Frequency>();
  if (hits == Slot::Frequency::kLargest) return;
  std::uint64_t bits = found.slot.bits();
  (void)found.address->compare_exchange_strong(bits, found.slot.with<Slot::Frequency>(hits + 1).bits(),
                                               std::memory_order_relaxed);
}

// What a visitor is shown of an item, and what it needs beside it. As long as the item may be read.
class ShownItem {
 public:
  ShownItem(const ItemStore& store, StoredItem item, std::int64_t now_ms) noexcept;
  ShownItem(const ShownItem&) = delete;
  ShownItem& operator=(const ShownItem&) = delete;

  [[nodiscard]] const ItemView& view() const noexcept { return view_; }

 private:
  ItemView view_;
  char digits_[kMostIntegerDigits];
};

}  // namespace strata::cache
