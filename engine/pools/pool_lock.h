#pragma once

#include <cstdint>

#include "engine/sync/mutex.h"

namespace strata::pools {

enum class LockMode : std::uint8_t {
  none,   // one thread at a time uses the pool; the caller sees to it
  mutex,  // any thread
};

// A mutex that is there or not, as the pool's lock mode says. The analysis takes it for a lock in both cases: what it guards is the same.
class STRATA_CAPABILITY("mutex") PoolLock {
 public:
  explicit PoolLock(LockMode mode) noexcept : mode_(mode) {}

  void lock() noexcept STRATA_ACQUIRE() STRATA_NO_THREAD_SAFETY_ANALYSIS {
    if (mode_ == LockMode::mutex) mutex_.lock();
  }
  void unlock() noexcept STRATA_RELEASE() STRATA_NO_THREAD_SAFETY_ANALYSIS {
    if (mode_ == LockMode::mutex) mutex_.unlock();
  }
  [[nodiscard]] LockMode mode() const noexcept { return mode_; }
  [[nodiscard]] std::uint16_t contentions() const noexcept { return mutex_.contentions(); }

 private:
  // Below those of the allocator, which it asks for chunks.
  sync::Mutex mutex_{sync::LockRank{.name = "pool", .order = 660}};
  const LockMode mode_;
};

class STRATA_SCOPED_CAPABILITY PoolGuard {
 public:
  explicit PoolGuard(PoolLock& lock) noexcept STRATA_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~PoolGuard() STRATA_RELEASE() { lock_.unlock(); }
  PoolGuard(const PoolGuard&) = delete;
  PoolGuard& operator=(const PoolGuard&) = delete;

 private:
  PoolLock& lock_;
};

}  // namespace strata::pools
