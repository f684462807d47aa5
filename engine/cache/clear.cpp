#include "engine/cache/cache.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"
#include "engine/cache/shard_set_lock.h"

namespace strata::cache {

namespace {

constexpr std::size_t kFreedPerLock = 256;

}  // namespace

void Cache::clear(Session& /*session*/, Namespace ns, bool wait) {
  {
    const ShardSetLock locks(shards_.get());
    for (std::size_t i = 0; i < kShards; ++i) {
      shards_[i].mutex.assert_held();
      shards_[i].flush(ns);
    }
  }
  if (wait) free_flushed();
}

void Cache::clear_all(Session& /*session*/, bool wait) {
  {
    const ShardSetLock locks(shards_.get());
    for (std::size_t i = 0; i < kShards; ++i) {
      shards_[i].mutex.assert_held();
      for (std::size_t ns = 0; ns < options_.namespaces; ++ns) shards_[i].flush(static_cast<Namespace>(ns));
    }
  }
  if (wait) free_flushed();
}

void Cache::free_flushed() {
  for (std::size_t i = 0; i < kShards; ++i) {
    for (bool more = true; more;) {
      Shard::Flushed taken;
      {
        const sync::MutexLock lock(shards_[i].mutex);
        taken = shards_[i].take_flushed(kFreedPerLock);
        if (!taken.more) shards_[i].flush_credit();
      }
      destroy_all(taken.list);
      more = taken.more;
    }
  }
}

}  // namespace strata::cache
