#include "engine/cache/verify.h"

#include <cstdint>
#include <unordered_set>

#include "engine/cache/hash.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"

namespace strata::cache {

namespace {

std::string differs(const char* what, std::uint64_t counted, std::uint64_t claimed) {
  return std::string(what) + ": counted " + std::to_string(counted) + ", but it says " + std::to_string(claimed);
}

}  // namespace

class Verifier {
 public:
  explicit Verifier(Cache& cache) : cache_(cache), index_bytes_(cache.fixed_index_bytes()) {}

  std::string run(std::uint64_t pinned_bytes) {
    for (std::size_t i = 0; i < kShardCount && damage_.empty(); ++i) check_shard(i);
    compare("bytes of items", item_bytes_, cache_.budget().bytes(Purpose::items));
    compare("bytes of the index", index_bytes_, cache_.budget().bytes(Purpose::index));
    compare("bytes of large values", block_bytes_ + pinned_bytes, cache_.budget().bytes(Purpose::large_values));
    const std::uint64_t sum = item_bytes_ + index_bytes_ + block_bytes_ + pinned_bytes;
    compare("bytes in total", sum + cache_.budget().bytes(Purpose::client_buffers), cache_.budget().total_bytes());
    return damage_;
  }

 private:
  void compare(const char* what, std::uint64_t counted, std::uint64_t claimed) {
    if (counted != claimed && damage_.empty()) damage_ = differs(what, counted, claimed);
  }

  void check_shard(std::size_t index) {
    Shard& shard = cache_.shards_[index];
    const sync::MutexLock lock(shard.mutex);
    shard.flush_credit();
    for (std::size_t ns = 0; ns < shard.namespaces(); ++ns) {
      if (Table* table = shard.table(static_cast<Namespace>(ns))) check_table(index, *table);
    }
    for (Table* table = shard.first_flushed(); table != nullptr; table = table->next_flushed.get()) check_table(index, *table);
  }

  void check_table(std::size_t shard, Table& table) {
    std::size_t items = 0;
    std::size_t with_expiry = 0;
    for (std::uint64_t position = 0; position < kInnerEnd;) {
      const Table::Bucket bucket = table.bucket_at(position);
      for (Item* item = *bucket.head; item != nullptr; item = item->next) {
        ++items;
        if (item->expire_at_ms != kNoExpiry) ++with_expiry;
        check_item(shard, bucket, *item);
        if (*table.find(item->key(), item->hash()) != item) damage_ = "an item is not found by its key";
      }
      position = bucket.end;
    }
    index_bytes_ += table.index_bytes();
    compare("items of a table", items, table.items());
    compare("items with expiry of a table", with_expiry, table.with_expiry());
  }

  void check_item(std::size_t shard, const Table::Bucket& bucket, Item& item) {
    const std::uint64_t position = inner_position_of(item.hash());
    if (shard_of(item.hash()) != shard) damage_ = "an item lies in the wrong shard";
    if (position < bucket.begin || position >= bucket.end) damage_ = "an item lies in the wrong bucket";
    if (hash_of(item.key(), cache_.options().hash_seed) != item.hash()) damage_ = "an item has the wrong hash";
    item_bytes_ += item.charged_bytes();
    // A block may stand under several keys; it is charged once.
    if (item.is_large() && blocks_.insert(item.block().get()).second) block_bytes_ += item.block_bytes();
  }

  Cache& cache_;
  std::uint64_t item_bytes_ = 0;
  std::uint64_t index_bytes_;
  std::uint64_t block_bytes_ = 0;
  std::unordered_set<const ValueBlock*> blocks_;
  std::string damage_;
};

std::string verify(Cache& cache, std::uint64_t pinned_bytes) { return Verifier(cache).run(pinned_bytes); }

}  // namespace strata::cache
