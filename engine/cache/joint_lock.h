#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"

namespace strata::cache {

// Locks the homes of several keys, each once: their shards' growth is held up first, in the order of the shards, then the homes, in the order of
// their addresses; so two of them never wait for each other, nor for who moves buckets. What changes under it changes at one moment.
class JointLock {
 public:
  // REQUIRES: inside the gate, so that databases stay what they are.
  JointLock(Core& core, std::span<const Key> keys) STRATA_NO_THREAD_SAFETY_ANALYSIS;
  JointLock(const JointLock&) = delete;
  JointLock& operator=(const JointLock&) = delete;
  ~JointLock() STRATA_NO_THREAD_SAFETY_ANALYSIS;

  // The key as its database is now, and its home.
  [[nodiscard]] const Key& key(std::size_t index) const noexcept { return keys_[index]; }
  [[nodiscard]] LockedHome& home(std::size_t index) const noexcept { return const_cast<LockedHome&>(homes_[home_of_[index]]); }

 private:
  std::vector<Key> keys_;
  std::vector<std::size_t> home_of_;
  std::vector<std::size_t> shards_;
  std::vector<LockedHome> homes_;
  Core& core_;
};

}  // namespace strata::cache
