#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/cache/budget.h"
#include "engine/cache/change.h"
#include "engine/cache/databases.h"
#include "engine/cache/decision.h"
#include "engine/cache/ghost_table.h"
#include "engine/cache/index_memory.h"
#include "engine/cache/index_shard.h"
#include "engine/cache/item_memory.h"
#include "engine/cache/item_store.h"
#include "engine/cache/key.h"
#include "engine/cache/options.h"
#include "engine/cache/order_list.h"
#include "engine/cache/use_table.h"
#include "engine/cache/write_gate.h"
#include "engine/cache/young_queue.h"
#include "engine/os/prefetch.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

// Of what items hold, one byte in so many belongs to the young queue.
inline constexpr std::uint64_t kYoungShare = 10;
// Hits by which an item of about the mean size is promoted when it leaves the young queue.
inline constexpr std::uint64_t kPromotedAt = 2;
// The same of an item of another size: what takes less memory has less to prove. `mean_bytes`: of those that are judged; 0: not known.
[[nodiscard]] constexpr std::uint64_t promoted_at(std::uint64_t item_bytes, std::uint64_t mean_bytes) noexcept {
  if (mean_bytes == 0) return kPromotedAt;
  if (item_bytes > mean_bytes * 2) return kPromotedAt + 1;
  if (item_bytes > mean_bytes / 2) return kPromotedAt;
  return item_bytes > mean_bytes / 8 ? kPromotedAt - 1 : 0;
}
// The last sixteenth below the limit is near it.
inline constexpr std::uint64_t kNearLimit = 16;
// Of the limit, one byte in so many is not used at least, for the runs that threads have open and segments that are not full; and one in so many at
// most, where what is free does not fit what comes.
inline constexpr std::uint64_t kAlwaysHeldBack = 256;
inline constexpr std::uint64_t kMostShortage = 8;
// Of the limit, one byte in so many may remember what is gone.
inline constexpr std::uint64_t kGhostShare = 64;

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
  // Whether a slot's item is the key's. Inline always, as is the search that asks for it.
  [[nodiscard]] auto matches(const Key& key) const noexcept {
    return [ this, &key ](Slot slot) __attribute__((always_inline)) { return store.at(slot).has_key(key.keyspace, key.bytes); };
  }
  [[nodiscard]] [[gnu::always_inline]] FoundSlot find(const Key& key) noexcept {
    if (key.place.slot != nullptr) {
      const FoundSlot found = shard_of(key.hash).find_at(key.place, matches(key));
      if (found) [[likely]]
        return found;
    }
    return shard_of(key.hash).find(key.hash, matches(key));
  }

  // Its header, its key, and of most the value. The slot may be old: then it is for nothing.
  void prefetch_item(Slot slot) const noexcept {
    constexpr std::size_t kLineBytes = 64;
    const std::byte* const item = memory.address(slot.offset_bytes());
    os::prefetch(item);
    os::prefetch(item + kLineBytes);
  }
  // Whether a slot's item was invalidated with its prefix. REQUIRES: the thread is inside the gate, or compares the version of the databases afterwards.
  [[nodiscard]] bool is_invalidated(Slot slot) const noexcept {
    if (!databases.has_prefixes()) [[likely]]
      return false;
    const InvalidatedPrefixes::View* const prefixes = databases.prefixes();
    const StoredItem item = store.at(slot);
    return prefixes != nullptr && prefixes->covers(item.ns(), item.key(), item.epoch());
  }
  // Whether an item was written longer ago than any may be; never too early, and up to a second late.
  [[nodiscard]] bool is_too_old(StoredItem item, std::int64_t now_ms) const noexcept {
    const std::uint32_t most = max_age_s.load(std::memory_order_relaxed);
    if (most == 0) [[likely]]
      return false;
    const std::uint32_t told = item.written_s();
    const std::int64_t written_s = told != 0 ? told : age_since_s.load(std::memory_order_relaxed);
    return now_ms / 1000 > written_s + most;
  }
  // As is_invalidated(), with where to count that it has been taken out.
  [[nodiscard]] InvalidatedPrefixes::View::Count invalidation_of(Slot slot) const noexcept {
    const InvalidatedPrefixes::View* const prefixes = databases.has_prefixes() ? databases.prefixes() : nullptr;
    if (prefixes == nullptr) return {};
    const StoredItem item = store.at(slot);
    return prefixes->covering(item.ns(), item.key(), item.epoch());
  }
  // Whether a prefix of the key was invalidated after `epoch`, at which an item of it was made. REQUIRES: as above.
  [[nodiscard]] bool is_invalidated_since(const Key& key, Epoch epoch) const noexcept {
    if (!databases.has_prefixes()) [[likely]]
      return false;
    const InvalidatedPrefixes::View* const prefixes = databases.prefixes();
    return prefixes != nullptr && prefixes->covers(key.keyspace, key.bytes, epoch);
  }

  // Whether a new key begins in the policy's main queue. Only s3fifo has another.
  [[nodiscard]] bool enters_main(std::uint64_t hash) const noexcept;
  // Some items are neither in the main queue nor in the young one.
  [[nodiscard]] bool may_have_unjudged() const noexcept {
    return has_unjudged.load(std::memory_order_relaxed) || judging.load(std::memory_order_relaxed);
  }
  // Far from the limit no item has to prove itself yet, and no queue is kept. They lie in the order in which they came, so the hand is their queue.
  [[nodiscard]] bool is_filling() const noexcept {
    const std::uint64_t limit = budget.limit_bytes();
    const std::uint64_t beyond = limit / kNearLimit + held_back.load(std::memory_order_relaxed);
    return budget.total_bytes() + std::min(limit, beyond) < limit;
  }

  // Tells the listener of a change under the lock of the key's home, where there is one. `before`, `after`: of items, 0 for none.
  void tell(Cause cause, Keyspace keyspace, std::uint64_t hash, std::uint64_t before, std::uint64_t after,
            std::int64_t now_ms) noexcept {
    if (listener.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      tell_of(cause, keyspace, hash, before, after, now_ms);
  }
  void tell_of(Cause cause, Keyspace keyspace, std::uint64_t hash, std::uint64_t before, std::uint64_t after,
               std::int64_t now_ms) noexcept;

  // Resident for items, and for all else.
  [[nodiscard]] std::uint64_t resident_bytes() const noexcept { return placement.total_bytes() + budget.beside_items_bytes(); }
  // How far below the limit what is used has to stay, so that what is resident does: free chunks that nothing fits in. Grows when an item found no
  // place, and fades.
  void set_shortage(std::uint64_t bytes) noexcept;
  void fade_shortage(unsigned shift) noexcept;

  const std::uint64_t hash_seed;
  std::atomic<std::uint64_t> shortage = 0;
  std::atomic<std::uint64_t> held_back = 0;  // with it, what is held back in any case
  Budget budget;
  Budget placement;  // what of the item memory is resident; `budget` has the items themselves
  ItemMemory memory;
  ItemStore store;
  IndexMemory index_memory;
  // Each item whose slot does not say Main has its key in here, or in the batch of the thread that stored it, or was stored while the cache was
  // filling.
  YoungQueue young{budget};
  std::atomic<Policy> policy = Policy::noeviction;
  std::atomic<bool> has_unjudged = false;  // of the latter, since the hands were told to look for them
  std::atomic<bool> judging = false;       // some hand is not through yet
  // Of each domain: until its hand has begun so many rounds it comes to some of them.
  std::unique_ptr<std::atomic<std::uint32_t>[]> judged_at_round;
  GhostTable ghosts{budget};
  OrderList order{budget};  // empty but for the policies that keep one
  UseTable uses{budget};    // empty but for the policies that compare samples by their use
  WriteGate gate;
  Databases databases;                         // changed while the gate is closed
  std::atomic<bool> notes_writes = false;      // items say when they were written
  std::atomic<std::uint32_t> jitter_percent = 0;  // ExpiryRules; so is the next
  std::atomic<bool> is_sliding = false;
  std::atomic<std::uint32_t> max_age_s = 0;    // 0: any
  std::atomic<std::uint32_t> age_since_s = 0;  // when items that do not say it are taken to have been written
  std::atomic<ChangeListener*> listener = nullptr;
  std::array<std::atomic<std::uint64_t>, kShardCount> change_sequences{};
  sync::qsbr::Domain readers{sync::LockRank{.name = "readers of the cache", .order = 650}};
  IndexShard* shards = nullptr;  // kShardCount
};

// A key of the young queue has left it: its item, if it is still young, belongs to the main queue now. Returns whether there was one.
bool promote(Core& core, YoungKey key) noexcept;

// The policies that keep an exact order of all keys, and those of them for which being used changes it.
constexpr bool keeps_order(Policy policy) noexcept {
  return policy == Policy::sieve || policy == Policy::lru || policy == Policy::mru;
}
constexpr bool use_changes_order(Policy policy) noexcept { return policy == Policy::lru || policy == Policy::mru; }

// The policies that are told of each use: those for which it changes the order, and those that keep it beside the item.
constexpr bool notes_use(Policy policy) noexcept { return policy >= Policy::lru; }
constexpr UseTable::Keeps keeps_beside(Policy policy) noexcept {
  switch (policy) {
    case Policy::allkeys_lru:
    case Policy::volatile_lru: return UseTable::Keeps::recency;
    case Policy::allkeys_lfu:
    case Policy::volatile_lfu:
    case Policy::custom: return UseTable::Keeps::frequency;
    default: return UseTable::Keeps::nothing;
  }
}

constexpr bool only_volatile(Policy policy) noexcept {
  return policy == Policy::volatile_lru || policy == Policy::volatile_lfu || policy == Policy::volatile_random ||
         policy == Policy::volatile_ttl;
}

// What a visitor is shown of an item, and what it needs beside it. As long as the item may be read.
class ShownItem {
 public:
  ShownItem(const ItemStore& store, StoredItem item, std::int64_t now_ms) noexcept {
    if (item.expires()) view_.expire_at_ms = item.expiry_ms(now_ms);
    if (item.is_plain()) [[likely]] {
      view_.value = item.stored_value();
    } else {
      show(store, item);
    }
  }
  ShownItem(const ShownItem&) = delete;
  ShownItem& operator=(const ShownItem&) = delete;

  [[nodiscard]] const ItemView& view() const noexcept { return view_; }

 private:
  void show(const ItemStore& store, StoredItem item) noexcept;

  ItemView view_;
  char digits_[kMostIntegerDigits];
};

}  // namespace strata::cache
