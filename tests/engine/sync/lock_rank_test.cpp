#include "engine/sync/lock_rank.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/sync/mutex.h"
#include "engine/sync/shared_mutex.h"

#ifndef STRATA_CHECKED
#error "this test is about builds that check the order of locks"
#endif

namespace strata::sync {
namespace {

using Inversions = std::vector<std::pair<std::string, std::string>>;

class LockRankTest : public testing::Test {
 protected:
  void SetUp() override {
    found.clear();
    before_ = set_rank_inversion_handler([](const char* held, const char* wanted) { found.emplace_back(held, wanted); });
  }
  void TearDown() override { set_rank_inversion_handler(before_); }

  static Inversions found;
  Mutex low{LockRank{.name = "low", .order = 10}};
  Mutex high{LockRank{.name = "high", .order = 20}};
  SharedMutex shared_low{LockRank{.name = "shared low", .order = 11}};
  SharedMutex shared_high{LockRank{.name = "shared high", .order = 21}};

 private:
  RankInversionHandler before_ = nullptr;
};
Inversions LockRankTest::found;

TEST_F(LockRankTest, AscendingOrderIsFine) {
  const MutexLock first(low);
  const SharedMutexReadLock second(shared_low);
  const MutexLock third(high);
  const SharedMutexWriteLock fourth(shared_high);
  EXPECT_EQ(found, Inversions{});
}

TEST_F(LockRankTest, MutexesInDescendingOrderAreReported) {
  const MutexLock first(high);
  const MutexLock second(low);
  EXPECT_EQ(found, (Inversions{{"high", "low"}}));
}

TEST_F(LockRankTest, SharedMutexesInDescendingOrderAreReported) {
  {
    const SharedMutexWriteLock first(shared_high);
    const SharedMutexWriteLock second(shared_low);
  }
  EXPECT_EQ(found, (Inversions{{"shared high", "shared low"}}));
  {
    const SharedMutexReadLock first(shared_high);
    const SharedMutexReadLock second(shared_low);
  }
  EXPECT_EQ(found, (Inversions{{"shared high", "shared low"}, {"shared high", "shared low"}}));
}

TEST_F(LockRankTest, TheTwoKindsAreInOneOrder) {
  {
    const SharedMutexReadLock first(shared_high);
    const MutexLock second(high);
  }
  EXPECT_EQ(found, (Inversions{{"shared high", "high"}}));
  found.clear();
  const MutexLock first(high);
  const SharedMutexReadLock second(shared_low);
  EXPECT_EQ(found, (Inversions{{"high", "shared low"}}));
}

// What the compiler's analysis would not let pass.
void read_twice(SharedMutex& mutex) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  mutex.lock_shared();
  mutex.lock_shared();
  mutex.unlock_shared();
  mutex.unlock_shared();
}

TEST_F(LockRankTest, AReaderThatComesAgainIsReported) {
  read_twice(shared_low);
  EXPECT_EQ(found, (Inversions{{"shared low", "shared low"}}));
}

TEST_F(LockRankTest, TakingByTryingCounts) {
  if (!high.try_lock()) FAIL();
  if (shared_low.try_lock_shared()) shared_low.unlock_shared();
  if (shared_low.try_lock()) shared_low.unlock();
  EXPECT_EQ(found, (Inversions{{"high", "shared low"}, {"high", "shared low"}}));
  high.unlock();
}

TEST_F(LockRankTest, EveryHeldLockCounts) {
  const MutexLock first(low);
  const SharedMutexReadLock second(shared_low);
  Mutex between(LockRank{.name = "between", .order = 5});
  const MutexLock third(between);
  EXPECT_EQ(found, (Inversions{{"low", "between"}, {"shared low", "between"}}));
}

TEST_F(LockRankTest, WhatWasGivenBackDoesNotCount) {
  { const MutexLock lock(high); }
  { const SharedMutexReadLock lock(shared_high); }
  { const SharedMutexWriteLock lock(shared_high); }
  const MutexLock lock(low);
  EXPECT_EQ(found, Inversions{});
}

TEST_F(LockRankTest, WhatAnotherThreadHoldsDoesNotCount) {
  const MutexLock lock(high);
  std::jthread([&] { const MutexLock other(low); }).join();
  EXPECT_EQ(found, Inversions{});
}

TEST_F(LockRankTest, UnrankedLocksTakeNoPart) {
  Mutex unranked;
  SharedMutex unranked_shared;
  const MutexLock first(high);
  const MutexLock second(unranked);
  const SharedMutexWriteLock third(unranked_shared);
  EXPECT_EQ(found, Inversions{});
}

using LockRankDeathTest = LockRankTest;

TEST_F(LockRankDeathTest, WithoutAHandlerTheProcessEnds) {
  set_rank_inversion_handler(nullptr);
  EXPECT_DEATH(
      {
        const SharedMutexReadLock first(shared_high);
        const MutexLock second(low);
      },
      "low was wanted by a thread that holds shared high");
}

}  // namespace
}  // namespace strata::sync
