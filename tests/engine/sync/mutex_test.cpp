#include "engine/sync/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

TEST(MutexTest, OneThreadAtATime) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  Mutex mutex;
  int counter = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const MutexLock lock(mutex);
        ++counter;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(counter, kThreads * kRounds);
}

TEST(MutexTest, TryLockFailsWhileSomebodyHoldsIt) {
  Mutex mutex;
  // Written so that the compiler's analysis can follow.
  if (!mutex.try_lock()) FAIL();
  std::jthread([&] {
    const bool taken = mutex.try_lock();
    EXPECT_FALSE(taken);
    if (taken) mutex.unlock();
  }).join();
  mutex.unlock();
  if (!mutex.try_lock()) FAIL();
  mutex.unlock();
}

TEST(MutexTest, CountsThreadsThatHadToWait) {
  Mutex mutex(LockRank{.name = "a lock", .order = 0});
  EXPECT_STREQ(mutex.name(), "a lock");
  mutex.lock();
  mutex.unlock();
  EXPECT_EQ(mutex.contentions(), 0);
  // Whether the other thread meets the lock held is up to the system, so it is tried until it does.
  for (int round = 0; round < 1'000 && mutex.contentions() == 0; ++round) {
    std::atomic<bool> there = false;
    mutex.lock();
    std::jthread other([&] {
      there = true;
      const MutexLock lock(mutex);
    });
    while (!there) std::this_thread::yield();
    for (int turn = 0; turn < round % 50; ++turn) std::this_thread::yield();
    mutex.unlock();
  }
  EXPECT_GT(mutex.contentions(), 0);
}

}  // namespace
}  // namespace strata::sync
