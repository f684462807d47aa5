#include "engine/pools/pool_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace strata::pools {
namespace {

// Whether a second thread that is at the door gets in while this one is inside. It is given time for it, not measured: where it may not get in it
// never does.
bool lets_two_in(LockMode mode) {
  PoolLock lock(mode);
  std::atomic<bool> is_at_the_door = false;
  std::atomic<bool> is_in = false;
  lock.lock();
  std::thread second([&] {
    is_at_the_door = true;
    const PoolGuard guard(lock);
    is_in = true;
  });
  while (!is_at_the_door) std::this_thread::yield();
  for (int turn = 0; turn < 10'000 && !is_in; ++turn) std::this_thread::yield();
  const bool both = is_in;
  lock.unlock();
  second.join();
  return both;
}

TEST(PoolLock, AMutexLetsOneThreadIn) { EXPECT_FALSE(lets_two_in(LockMode::mutex)); }

// One after the other for the caller who keeps to it: a thread that has the lock does not wait for itself.
TEST(PoolLock, NoneLocksNothing) {
  PoolLock lock(LockMode::none);
  const PoolGuard outer(lock);
  const PoolGuard inner(lock);
  EXPECT_EQ(lock.contentions(), 0U);
}

}  // namespace
}  // namespace strata::pools
