#pragma once

#include <bitset>
#include <span>

#include "engine/cache/hash.h"
#include "engine/cache/key.h"
#include "engine/cache/shard.h"

namespace strata::cache {

// Locks the shards of several keys, or all shards, each once and in ascending order, so that two such sets never wait for each
// other. This is the one place where a thread holds more than one shard; it must hold none when it begins. The analysis can not
// follow a set of locks that is known at run time only: users say `assert_held`.
class ShardSetLock {
 public:
  ShardSetLock(Shard* shards, std::span<const Key> keys);
  explicit ShardSetLock(Shard* shards);
  ~ShardSetLock() STRATA_NO_THREAD_SAFETY_ANALYSIS;
  ShardSetLock(const ShardSetLock&) = delete;
  ShardSetLock& operator=(const ShardSetLock&) = delete;

 private:
  void lock_all() STRATA_NO_THREAD_SAFETY_ANALYSIS;

  Shard* shards_;
  std::bitset<kShardCount> chosen_;
};

}  // namespace strata::cache
