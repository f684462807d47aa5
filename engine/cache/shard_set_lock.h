#pragma once

#include <bitset>
#include <cstddef>
#include <span>

#include "engine/cache/hash.h"
#include "engine/cache/key.h"
#include "engine/cache/shard.h"

namespace strata::cache {

// Locks the shards of several keys, or all shards, each once and in ascending order, so that two such sets never wait for each other.
// This is the one place where a thread holds more than one shard; it must hold none when it begins.
class ShardSetLock {
 public:
  ShardSetLock(Shard* shards, std::span<const Key> keys) : shards_(shards) {
    for (const Key& key : keys) chosen_.set(shard_of(key.hash));
    lock_all();
  }
  explicit ShardSetLock(Shard* shards) : shards_(shards) {
    chosen_.set();
    lock_all();
  }
  ~ShardSetLock() { unlock_all(); }
  ShardSetLock(const ShardSetLock&) = delete;
  ShardSetLock& operator=(const ShardSetLock&) = delete;

 private:
  // Not analysed: which locks are taken is known at run time only; users say `assert_held`.
  void lock_all() STRATA_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; i < kShardCount; ++i) {
      if (chosen_[i]) shards_[i].mutex.lock();
    }
  }
  void unlock_all() STRATA_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; i < kShardCount; ++i) {
      if (chosen_[i]) shards_[i].mutex.unlock();
    }
  }

  Shard* shards_;
  std::bitset<kShardCount> chosen_;
};

}  // namespace strata::cache
