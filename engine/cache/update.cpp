#include "engine/cache/cache.h"
#include "engine/cache/change.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"
#include "engine/cache/shard_set_lock.h"

namespace strata::cache {

Status Cache::update(Session& session, const Key& key, Visitor<void(Decision&)> decide) {
  if (key.bytes.size() > kMaxKeyBytes) return Status::too_large;
  // Nobody evicts under the lock of a key, so room is made before it; how large the value is shows only then, so that the
  // rest is made good afterwards.
  const bool has_room = reserve(session, 0);
  Change change(budget_, session.counters_, session.now_ms_, !has_room || policy() == Policy::noeviction);
  Status status = Status::ok;
  {
    Shard& shard = shard_for(key);
    const sync::MutexLock lock(shard.mutex);
    status = change.apply(shard, key, decide);
  }
  change.free_displaced();
  if (status == Status::out_of_memory) SessionCounters::add(session.counters_.eviction_refusals);
  settle(session, change.added_bytes());
  return status;
}

Status Cache::update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                          Visitor<void(std::size_t, Decision&)> decide) {
  for (const Key& key : keys) {
    if (key.bytes.size() > kMaxKeyBytes) return Status::too_large;
  }
  const std::size_t overhead = extra_bytes == 0 ? 0 : keys.size() * (sizeof(Item) + kMallocHeaderBytes);
  const bool has_room = reserve(session, extra_bytes + overhead);
  Change change(budget_, session.counters_, session.now_ms_, !has_room || policy() == Policy::noeviction);
  Status status = change.keep_log(keys.size()) ? Status::ok : Status::out_of_memory;
  if (status == Status::ok) {
    const ShardSetLock locks(shards_.get(), keys);
    for (std::size_t i = 0; i < keys.size() && status == Status::ok; ++i) {
      Shard& shard = shard_for(keys[i]);
      shard.mutex.assert_held();
      status = change.apply(shard, keys[i], [&](Decision& decision) { decide(i, decision); });
    }
    if (status != Status::ok) change.take_back();
  }
  change.free_displaced();
  if (status == Status::out_of_memory) SessionCounters::add(session.counters_.eviction_refusals);
  settle(session, change.added_bytes());
  return status;
}

}  // namespace strata::cache
