#include "engine/cache/verify.h"

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

std::string differs(const char* what, std::uint64_t counted, std::uint64_t claimed) {
  return std::string(what) + ": counted " + std::to_string(counted) + ", but it says " + std::to_string(claimed);
}

}  // namespace

class Verifier {
 public:
  explicit Verifier(Cache& cache) : cache_(cache), core_(*cache.core_) {}

  std::string run(std::uint64_t pinned_bytes) {
    settle();
    for (std::size_t shard = 0; shard < kShardCount && damage_.empty(); ++shard) check_shard(shard);
    for (std::size_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
      const sync::MutexLock lock(cache_.sessions_mutex_);
      const NamespaceSize claimed = cache_.size_of(static_cast<Keyspace>(keyspace));
      compare("items of a keyspace", sizes_[keyspace].items, claimed.items);
      compare("items with expiry of a keyspace", sizes_[keyspace].with_expiry, claimed.with_expiry);
    }
    const Budget& budget = core_.budget;
    compare("bytes of items", item_bytes_, budget.bytes(Purpose::items));
    compare("bytes of large values", block_bytes_ + pinned_bytes, budget.bytes(Purpose::large_values));
    compare("bytes in total",
            budget.bytes(Purpose::items) + budget.bytes(Purpose::large_values) + budget.bytes(Purpose::index) +
                budget.bytes(Purpose::client_buffers) + budget.bytes(Purpose::write_behind) + budget.bytes(Purpose::policy),
            budget.total_bytes());
    if (young_items_ > core_.young.keys() && damage_.empty() && !core_.has_unjudged && !core_.judging && !any_filled_)
      damage_ = differs("young items", young_items_, core_.young.keys());
    if (damage_.empty()) damage_ = core_.memory.verify();
    return damage_;
  }

 private:
  // Nobody reads: what was retired is free when everybody has said so.
  void settle() {
    std::vector<Session*> sessions;
    {
      const sync::MutexLock lock(cache_.sessions_mutex_);
      sessions = cache_.sessions_;
    }
    for (const Session* session : sessions) now_ms_ = std::max(now_ms_, session->now_ms());
    for (Session* session : sessions) {
      session->flush_credit();
      session->bring_young();
      any_filled_ |= session->filled_;
      session->retirement_.hand_over();
      session->participant_.offline();
    }
    for (Session* session : sessions) session->participant_.synchronize();
  }

  void compare(const char* what, std::uint64_t counted, std::uint64_t claimed) {
    if (counted != claimed && damage_.empty()) damage_ = differs(what, counted, claimed);
  }

  void check_shard(std::size_t shard) {
    std::vector<Slot> slots;
    Prefix position = 0;
    do position = core_.shards[shard].collect(position, kBlockBuckets, slots);
    while (position != 0);
    for (const Slot slot : slots) check_item(shard, slot);
  }

  void check_item(std::size_t shard, Slot slot) {
    const StoredItem item = core_.store.at(slot);
    const Keyspace keyspace = item.ns();
    const std::uint64_t hash = core_.hash_of(item.key(), keyspace);
    ++sizes_[keyspace].items;
    if (slot.get<Slot::Main>() == 0) ++young_items_;
    if (item.expires()) {
      ++sizes_[keyspace].with_expiry;
      const std::uint64_t offset = slot.offset_bytes();
      // Without anybody's clock nothing tells which moment four bytes mean.
      if (now_ms_ != 0 && !core_.memory.knows_of_expiry(offset, item.expiry_ms(now_ms_)))
        damage_ = "an item expires and no walk will find it";
    }
    item_bytes_ += item.bytes();
    if (shard_of(hash) != shard) damage_ = "an item lies in the wrong shard";
    const Key key{.bytes = item.key(), .hash = hash, .ns = 0, .keyspace = keyspace, .place = {}};
    const FoundSlot found = core_.find(key);
    if (!found || found.slot.offset_bytes() != slot.offset_bytes()) damage_ = "an item is not found by its key";
    // A block may stand under several keys; it is charged once.
    if (item.encoding() == Encoding::block && blocks_.insert(&core_.store.block_of(item)).second)
      block_bytes_ += ItemStore::charged_bytes(core_.store.block_of(item));
  }

  Cache& cache_;
  Core& core_;
  std::array<NamespaceSize, kKeyspaces> sizes_{};
  std::uint64_t item_bytes_ = 0;
  std::uint64_t block_bytes_ = 0;
  std::uint64_t young_items_ = 0;
  std::int64_t now_ms_ = 0;
  bool any_filled_ = false;  // some session's items wait to be judged
  std::unordered_set<const ValueBlock*> blocks_;
  std::string damage_;
};

std::string verify(Cache& cache, std::uint64_t pinned_bytes) { return Verifier(cache).run(pinned_bytes); }

}  // namespace strata::cache
