#include "engine/pools/pool_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace strata::pools {
namespace {

// Whether a second thread gets in while this one is inside. Ends when it does or is seen waiting.
bool lets_two_in(LockMode mode) {
  PoolLock lock(mode);
  std::atomic<bool> is_in = false;
  lock.lock();
  std::thread second([&] {
    const PoolGuard guard(lock);
    is_in = true;
  });
  while (!is_in && lock.contentions() == 0) std::this_thread::yield();
  const bool both = is_in;
  lock.unlock();
  second.join();
  return both;
}

TEST(PoolLock, AMutexLetsOneThreadIn) { EXPECT_FALSE(lets_two_in(LockMode::mutex)); }
TEST(PoolLock, NoneLocksNothing) { EXPECT_TRUE(lets_two_in(LockMode::none)); }

}  // namespace
}  // namespace strata::pools
