#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "engine/sync/shared_mutex.h"
#include "engine/sync/thread_annotations.h"

namespace strata::sync {

// A hash map in shards, each an std::unordered_map behind a SharedMutex: threads that work on different shards do not meet, and readers of
// one do not wait for each other. Each operation on a key is one moment for all threads; for_each and size take shard after shard, so
// they see each shard at one moment but not all at the same.
// Allocates 128 bytes for each shard at construction, and what std::unordered_map does; operations throw what it and the types throw, and
// leave the map as it was then. The functions given to read, update and for_each run while the shard is locked: they must not call this
// map, or they may wait for themselves.
// Thread safety: all members, from any thread, except the destructor.
template <typename Key, typename Value, typename Hash = std::hash<Key>, typename Equal = std::equal_to<Key>>
class ConcurrentMap {
 public:
  static constexpr std::size_t kUsualShards = 64;

  // `shards` is rounded up to a power of two. `rank`: of each shard's lock; no thread holds two.
  explicit ConcurrentMap(std::size_t shards = kUsualShards, LockRank rank = {.name = "concurrent map", .order = 0})
      : shard_bits_(std::countr_zero(std::bit_ceil(shards < 1 ? std::size_t{1} : shards))),
        shards_(std::allocator<Shard>().allocate(shard_count())) {
    for (Shard& shard : all()) std::construct_at(&shard, rank);
  }
  ~ConcurrentMap() {
    std::destroy_n(shards_, shard_count());
    std::allocator<Shard>().deallocate(shards_, shard_count());
  }
  ConcurrentMap(const ConcurrentMap&) = delete;
  ConcurrentMap& operator=(const ConcurrentMap&) = delete;

  // A copy.
  [[nodiscard]] std::optional<Value> get(const Key& key) const {
    std::optional<Value> copy;
    (void)read(key, [&](const Value& value) { copy.emplace(value); });
    return copy;
  }

  // Calls `look(const Value&)` where the value lies. False: there is no such key.
  template <typename Look>
  bool read(const Key& key, Look&& look) const {
    const Shard& shard = shard_of(key);
    const SharedMutexReadLock lock(shard.mutex);
    const auto found = shard.map.find(key);
    if (found == shard.map.end()) return false;
    look(found->second);
    return true;
  }
  [[nodiscard]] bool contains(const Key& key) const {
    return read(key, [](const Value&) {});
  }

  // False: the key is there already, and keeps its value.
  bool insert(Key key, Value value) {
    Shard& shard = shard_of(key);
    const SharedMutexWriteLock lock(shard.mutex);
    return shard.map.try_emplace(std::move(key), std::move(value)).second;
  }
  // False: the key was there already, and has the new value now.
  bool insert_or_assign(Key key, Value value) {
    Shard& shard = shard_of(key);
    const SharedMutexWriteLock lock(shard.mutex);
    return shard.map.insert_or_assign(std::move(key), std::move(value)).second;
  }

  // Calls `change(Value&)` where the value lies. False: there is no such key.
  template <typename Change>
  bool update(const Key& key, Change&& change) {
    Shard& shard = shard_of(key);
    const SharedMutexWriteLock lock(shard.mutex);
    const auto found = shard.map.find(key);
    if (found == shard.map.end()) return false;
    change(found->second);
    return true;
  }

  // False: there was no such key.
  bool erase(const Key& key) {
    typename Map::node_type erased;  // destroyed after the lock is given back
    Shard& shard = shard_of(key);
    const SharedMutexWriteLock lock(shard.mutex);
    erased = shard.map.extract(key);
    return !erased.empty();
  }
  void clear() {
    for (Shard& shard : all()) {
      Map erased;
      const SharedMutexWriteLock lock(shard.mutex);
      erased.swap(shard.map);
    }
  }

  // Calls `visit(const Key&, const Value&)` for each.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Shard& shard : all()) {
      const SharedMutexReadLock lock(shard.mutex);
      for (const auto& [key, value] : shard.map) visit(key, value);
    }
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const Shard& shard : all()) {
      const SharedMutexReadLock lock(shard.mutex);
      sum += shard.map.size();
    }
    return sum;
  }

 private:
  using Map = std::unordered_map<Key, Value, Hash, Equal>;
  static constexpr std::size_t kCacheLineBytes = 64;

  struct alignas(kCacheLineBytes) Shard {
    explicit Shard(LockRank rank) : mutex(rank) {}
    mutable SharedMutex mutex;
    Map map STRATA_GUARDED_BY(mutex);
  };

  [[nodiscard]] std::size_t shard_count() const noexcept { return std::size_t{1} << shard_bits_; }
  [[nodiscard]] std::span<Shard> all() noexcept { return {shards_, shard_count()}; }
  [[nodiscard]] std::span<const Shard> all() const noexcept { return {shards_, shard_count()}; }

  // By the highest bits of the hash times 2^64 / golden ratio: the standard hash of a number is the number, and the map inside uses
  // the lowest ones.
  [[nodiscard]] std::size_t shard_index(const Key& key) const {
    const std::uint64_t mixed = static_cast<std::uint64_t>(Hash{}(key)) * 0x9e3779b97f4a7c15;
    return static_cast<std::size_t>((mixed >> 1) >> (63 - shard_bits_));
  }
  // cppcheck-suppress ctunullpointer  // takes a key of 0 for a null pointer
  [[nodiscard]] Shard& shard_of(const Key& key) { return shards_[shard_index(key)]; }
  [[nodiscard]] const Shard& shard_of(const Key& key) const { return shards_[shard_index(key)]; }

  const int shard_bits_;
  Shard* const shards_;
};

}  // namespace strata::sync
