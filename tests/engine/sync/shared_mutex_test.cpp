#include "engine/sync/shared_mutex.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

// Returns when `count` threads have had to wait for the lock.
void await_contentions(const SharedMutex& mutex, std::uint16_t count) {
  while (mutex.contentions() < count) std::this_thread::yield();
}

[[nodiscard]] bool others_can_read(SharedMutex& mutex) {
  bool could = false;
  std::jthread([&] {
    if (!mutex.try_lock_shared()) return;
    could = true;
    mutex.unlock_shared();
  }).join();
  return could;
}

[[nodiscard]] bool others_can_write(SharedMutex& mutex) {
  bool could = false;
  std::jthread([&] {
    if (!mutex.try_lock()) return;
    could = true;
    mutex.unlock();
  }).join();
  return could;
}

TEST(SharedMutexTest, ReadersHoldItTogether) {
  constexpr int kReaders = 4;
  SharedMutex mutex;
  std::barrier all_inside(kReaders);
  std::vector<std::jthread> threads;
  threads.reserve(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      const SharedMutexReadLock lock(mutex);
      all_inside.arrive_and_wait();
    });
  }
  threads.clear();
  EXPECT_EQ(mutex.contentions(), 0);
}

TEST(SharedMutexTest, TryingFailsWhereItWouldWait) {
  SharedMutex mutex;
  {
    const SharedMutexReadLock lock(mutex);
    EXPECT_TRUE(others_can_read(mutex));
    EXPECT_FALSE(others_can_write(mutex));
  }
  {
    const SharedMutexWriteLock lock(mutex);
    EXPECT_FALSE(others_can_read(mutex));
    EXPECT_FALSE(others_can_write(mutex));
  }
  EXPECT_TRUE(others_can_write(mutex));
  EXPECT_TRUE(others_can_read(mutex));
  EXPECT_EQ(mutex.contentions(), 0);
}

TEST(SharedMutexTest, WritersExcludeAll) {
  constexpr int kWriters = 3;
  constexpr int kReaders = 3;
  constexpr int kRounds = 5'000;
  SharedMutex mutex;
  std::array<int, 8> values{};
  std::atomic<int> torn = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kWriters + kReaders);
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const SharedMutexWriteLock lock(mutex);
        for (int& value : values) ++value;
      }
    });
  }
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const SharedMutexReadLock lock(mutex);
        for (const int value : values) torn += value != values[0];
      }
    });
  }
  threads.clear();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(values[0], kWriters * kRounds);
}

TEST(SharedMutexTest, AWriterThatWaitsKeepsLaterReadersOut) {
  SharedMutex mutex;
  bool written = false;
  mutex.lock_shared();
  std::jthread writer([&] {
    const SharedMutexWriteLock lock(mutex);
    written = true;
  });
  await_contentions(mutex, 1);
  EXPECT_FALSE(others_can_read(mutex));
  EXPECT_FALSE(written);
  mutex.unlock_shared();
  writer.join();
  EXPECT_TRUE(written);
  EXPECT_TRUE(others_can_read(mutex));
}

TEST(SharedMutexTest, AWriterGetsThroughAStreamOfReaders) {
  constexpr int kReaders = 4;
  SharedMutex mutex;
  std::atomic<bool> stop = false;
  std::atomic<int> inside = 0;
  std::vector<std::jthread> readers;
  readers.reserve(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const SharedMutexReadLock lock(mutex);
        ++inside;
        // Mostly it is here that the system lets another thread run.
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    const SharedMutexWriteLock lock(mutex);
    EXPECT_EQ(inside, 0);
  }
  stop = true;
}

TEST(SharedMutexTest, ReadersThatWaitGoInBeforeTheNextWriter) {
  for (int round = 0; round < 50; ++round) {
    SharedMutex mutex;
    std::atomic<int> readers_done = 0;
    int done_before_writer = -1;
    mutex.lock();
    std::vector<std::jthread> readers;
    readers.reserve(2);
    for (int i = 0; i < 2; ++i) {
      readers.emplace_back([&] {
        const SharedMutexReadLock lock(mutex);
        ++readers_done;
      });
    }
    await_contentions(mutex, 2);
    std::jthread writer([&] {
      const SharedMutexWriteLock lock(mutex);
      done_before_writer = readers_done;
    });
    mutex.unlock();
    writer.join();
    EXPECT_EQ(done_before_writer, 2);
  }
}

TEST(SharedMutexTest, CountsThreadsThatHadToWait) {
  SharedMutex mutex(LockRank{.name = "a lock", .order = 7});
  EXPECT_STREQ(mutex.name(), "a lock");
  mutex.lock();
  std::jthread reader([&] { const SharedMutexReadLock lock(mutex); });
  await_contentions(mutex, 1);
  mutex.unlock();
  reader.join();
  EXPECT_EQ(mutex.contentions(), 1);
}

}  // namespace
}  // namespace strata::sync
