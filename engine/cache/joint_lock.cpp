#include "engine/cache/joint_lock.h"

#include <algorithm>

#include "engine/cache/protocol_points.h"

namespace strata::cache {

JointLock::JointLock(Core& core, std::span<const Key> keys) : home_of_(keys.size()), core_(core) {
  keys_.reserve(keys.size());
  STRATA_PROTOCOL_POINT(before_joint_lock);
  for (const Key& key : keys) keys_.push_back(core.current(key));
  for (const Key& key : keys_) shards_.push_back(shard_of(key.hash));
  std::sort(shards_.begin(), shards_.end());
  shards_.erase(std::unique(shards_.begin(), shards_.end()), shards_.end());
  for (const std::size_t shard : shards_) core.shards[shard].pause_growth();

  struct Wanted {
    const void* address;
    std::size_t key;
  };
  std::vector<Wanted> wanted;
  wanted.reserve(keys.size());
  for (std::size_t index = 0; index < keys_.size(); ++index) {
    wanted.push_back({LockedHome::address_of(core.shard_of(keys_[index].hash), keys_[index].hash), index});
  }
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& one, const Wanted& other) { return one.address < other.address; });
  homes_.reserve(keys.size());
  const void* last = nullptr;
  for (const Wanted& one : wanted) {
    if (one.address != last) {
      homes_.emplace_back(core.shard_of(keys_[one.key].hash), keys_[one.key].hash, LockedHome::OneOfSeveral{});
      last = one.address;
    }
    home_of_[one.key] = homes_.size() - 1;
  }
  STRATA_PROTOCOL_POINT(after_joint_lock);
}

JointLock::~JointLock() {
  homes_.clear();
  for (const std::size_t shard : shards_) core_.shards[shard].resume_growth();
}

}  // namespace strata::cache
