#include "engine/cache/young_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <thread>
#include <vector>

namespace strata::cache {
namespace {

constexpr std::uint64_t kHash = 0x0123'4567'89ab'cdef;

YoungKey key_of(std::uint64_t number) { return YoungKey(number << 24U); }
std::uint64_t number_of(YoungKey key) { return key.hash() >> 24U; }

TEST(YoungKeyTest, TellsTheUpperBitsOfTheHash) {
  const YoungKey key(kHash);
  EXPECT_EQ(key.hash(), kHash & ~std::uint64_t{0xff'ffff});
  EXPECT_TRUE(key.is_of(kHash));
  EXPECT_TRUE(key.is_of(kHash ^ 0xff'ffff));
  EXPECT_FALSE(key.is_of(kHash ^ 0x100'0000));
  EXPECT_FALSE(key.is_of(~kHash));
}

TEST(YoungQueueTest, IsInOrderAndGivesItsMemoryBack) {
  Budget budget;
  YoungQueue queue(budget);
  constexpr std::uint64_t kKeys = 5000;
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    const std::array<YoungKey, 1> key = {key_of(n)};
    ASSERT_EQ(queue.add(key, 100), 1U);
  }
  EXPECT_EQ(queue.keys(), kKeys);
  EXPECT_EQ(queue.bytes(), kKeys * 100);
  EXPECT_LE(budget.bytes(Purpose::policy), (kKeys / 817 + 1) * 4096);
  EXPECT_GE(budget.bytes(Purpose::policy), kKeys * 5);
  std::array<YoungKey, 7> taken;
  std::uint64_t next = 0;
  while (const std::size_t count = queue.take(taken)) {
    for (std::size_t n = 0; n < count; ++n) ASSERT_EQ(number_of(taken[n]), next++);
  }
  EXPECT_EQ(next, kKeys);
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(budget.total_bytes(), 0U);
}

TEST(YoungQueueTest, WhatIsTakenCountsAsTheMean) {
  Budget budget;
  YoungQueue queue(budget);
  std::vector<YoungKey> keys(100, YoungKey(kHash));
  ASSERT_EQ(queue.add(std::span(keys).first(75), 7'500), 75U);
  ASSERT_EQ(queue.add(std::span(keys).first(25), 500), 25U);
  ASSERT_EQ(queue.take(std::span(keys).first(50)), 50U);
  EXPECT_EQ(queue.bytes(), 4'000U);
  ASSERT_EQ(queue.take(keys), 50U);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(YoungQueueTest, IsUsedAgainAfterItWasEmpty) {
  Budget budget;
  YoungQueue queue(budget);
  std::array<YoungKey, 1> key;
  for (std::uint64_t round = 0; round < 1500; ++round) {
    key[0] = key_of(round);
    ASSERT_EQ(queue.add(key, 24), 1U);
    ASSERT_EQ(queue.take(key), 1U);
    ASSERT_EQ(number_of(key[0]), round);
    ASSERT_EQ(queue.take(key), 0U);
  }
  EXPECT_EQ(queue.keys(), 0U);
}

TEST(YoungQueueTest, BatchesAreSmallWhereTheQueueIs) {
  Budget budget;
  YoungQueue queue(budget);
  YoungBatch batch;
  batch.add(YoungKey(kHash), 1);
  EXPECT_TRUE(batch.is_full(queue));
  std::vector<YoungKey> many(64UL * 10, YoungKey(kHash));
  ASSERT_EQ(queue.add(many, 64), many.size());
  for (std::size_t n = 2; n <= 10; ++n) {
    EXPECT_FALSE(batch.is_full(queue));
    batch.add(YoungKey(kHash), n);
  }
  batch.add(YoungKey(kHash), 1);
  EXPECT_TRUE(batch.is_full(queue));
  EXPECT_EQ(batch.keys().size(), 11U);
  EXPECT_EQ(batch.bytes(), 1U + 54 + 1);
}

TEST(YoungQueueTest, ThreadsLoseNothing) {
  Budget budget;
  YoungQueue queue(budget);
  constexpr std::uint64_t kEach = 20'000;
  std::atomic<std::uint64_t> sum = 0, count = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&queue, thread] {
        for (std::uint64_t n = 0; n < kEach; ++n) {
          const std::array<YoungKey, 1> key = {key_of(thread * kEach + n)};
          ASSERT_EQ(queue.add(key, 1), 1U);
        }
      });
      threads.emplace_back([&] {
        std::array<YoungKey, 16> keys;
        while (count < 2 * kEach) {
          const std::size_t taken = queue.take(keys);
          for (std::size_t n = 0; n < taken; ++n) sum += number_of(keys[n]);
          count += taken;
        }
      });
    }
  }
  EXPECT_EQ(count, 2 * kEach);
  EXPECT_EQ(sum, kEach * (2 * kEach - 1));
  EXPECT_EQ(budget.total_bytes(), 0U);
}

}  // namespace
}  // namespace strata::cache
