#include <random>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class EvictionTest : public CacheTest {
 protected:
  // The index of an empty cache, the smallest table of each shard.
  static constexpr std::uint64_t kIndex = Cache::kShards * 4096;
  // What one thread has retired and what it holds back from the account.
  static constexpr std::uint64_t kTolerance = 192U << 10U;

  static std::string name(int i) { return "key" + std::to_string(i); }
  // Puts the limit so that about `bytes` have to go, and lets them go.
  void squeeze(std::uint64_t bytes, Policy policy, unsigned samples) {
    ASSERT_EQ(verify(*cache), "");
    limit(cache->budget().total_bytes() - bytes, policy, samples);
    upkeep();
    ASSERT_LE(cache->budget().total_bytes(), cache->budget().limit_bytes());
  }
  int count(int from, int to) {
    int there = 0;
    for (int i = from; i < to; ++i) there += exists(name(i));
    return there;
  }
};

TEST_F(EvictionTest, LruLetsTheLongestIdleGo) {
  for (int i = 0; i < 2000; ++i) {
    set(name(i), std::string(1000, 'v'));
    advance(100);
  }
  for (int i = 0; i < 500; ++i) get(name(i));  // the oldest become the newest
  squeeze(500UL * 1064, Policy::allkeys_lru, 64);
  EXPECT_GT(count(0, 500), 495);
  EXPECT_LT(count(500, 1000), 100);
  EXPECT_GT(count(1500, 2000), 495);
  EXPECT_EQ(cache->statistics().evicted, 2000U - cache->size(0).items);
}

TEST_F(EvictionTest, LruIsInOrderAcrossFewItems) {
  for (int i = 0; i < 60; ++i) {
    set(name(i), std::string(15'000, 'v'));
    advance(100);
  }
  squeeze(20UL * 15'020, Policy::allkeys_lru, 64);
  EXPECT_LT(count(0, 30), 15);
  EXPECT_GE(count(50, 60), 9);
}

TEST_F(EvictionTest, RandomTakesFromEverywhere) {
  for (int i = 0; i < 2000; ++i) {
    set(name(i), std::string(1000, 'v'));
    advance(100);
  }
  squeeze(1000UL * 1064, Policy::allkeys_random, 5);
  EXPECT_GT(count(0, 1000), 300);
  EXPECT_GT(count(1000, 2000), 300);
}

TEST_F(EvictionTest, TtlLetsTheNearestExpiryGo) {
  for (int i = 0; i < 2000; ++i) set(name(i), std::string(1000, 'v'), now() + 1'000'000 - i * 100L);
  for (int i = 2000; i < 2200; ++i) set(name(i), std::string(1000, 'v'));
  squeeze(500UL * 1064, Policy::volatile_ttl, 64);
  EXPECT_GT(count(0, 1000), 980);
  EXPECT_LT(count(1500, 2000), 60);
  EXPECT_EQ(count(2000, 2200), 200);
}

TEST_F(EvictionTest, VolatilePoliciesTouchOnlyItemsWithExpiry) {
  for (const Policy policy : {Policy::volatile_lru, Policy::volatile_random, Policy::volatile_ttl}) {
    open({.max_memory_bytes = kPlenty});
    for (int i = 0; i < 3000; ++i) set(name(i), std::string(500, 'v'), i % 100 == 0 ? now() + 100'000 : kNoExpiry);
    ASSERT_EQ(verify(*cache), "");
    limit(1000, policy);
    upkeep();
    EXPECT_EQ(cache->size(0).with_expiry, 0U) << policy_name(policy);
    EXPECT_EQ(cache->size(0).items, 2970U) << policy_name(policy);
    EXPECT_EQ(set("more", std::string(500, 'v')), Status::out_of_memory) << policy_name(policy);
    EXPECT_EQ(cache->make_room(*session, 100), Status::out_of_memory) << policy_name(policy);
    EXPECT_EQ(cache->statistics().eviction_refusals, 2U) << policy_name(policy);
    EXPECT_TRUE(remove(name(1)));
  }
}

TEST_F(EvictionTest, ExpiredItemsGoWithTheOthers) {
  for (int i = 0; i < 1000; ++i) set(name(i), std::string(1000, 'v'), i % 2 == 0 ? now() + 10 : kNoExpiry);
  advance(1000);
  ASSERT_EQ(verify(*cache), "");
  limit(cache->budget().total_bytes() - 300UL * 1064, Policy::allkeys_lru, 64);
  ASSERT_EQ(cache->make_room(*session, 290UL * 1064), Status::ok);
  EXPECT_GT(cache->statistics().expired, 100U);
  EXPECT_LT(cache->statistics().evicted, 200U);
}

TEST_F(EvictionTest, LimitIsHeldUnderChurn) {
  constexpr std::uint64_t kLimit = 24ULL << 20U;
  for (const Policy policy : {Policy::allkeys_lru, Policy::allkeys_random, Policy::volatile_ttl}) {
    open({.max_memory_bytes = kLimit, .policy = policy});
    std::mt19937_64 random(7);
    for (int i = 0; i < 12'000; ++i) {
      const std::size_t size = random() % 3 == 0 ? random() % 102'400 + 1 : random() % 2000 + 1;
      const auto expire_at = now() + 1'000'000 + static_cast<std::int64_t>(random() % 1000);
      ASSERT_EQ(set(name(static_cast<int>(random() % 20'000)), std::string(size, 'v'), expire_at), Status::ok);
      ASSERT_LE(cache->budget().total_bytes(), kLimit + kTolerance);
      advance(10);
    }
    EXPECT_GT(cache->statistics().evicted, 1000U);
    EXPECT_LE(cache->budget().peak_bytes(), kLimit + kTolerance);
    EXPECT_EQ(verify(*cache), "");
    EXPECT_LE(cache->budget().total_bytes(), kLimit + kTolerance);
    EXPECT_GT(cache->budget().total_bytes(), kLimit / 10 * 8);
  }
}

TEST_F(EvictionTest, NoevictionRefusesWhatAddsBytes) {
  open({.max_memory_bytes = 4ULL << 20U, .policy = Policy::noeviction});
  int stored = 0;
  while (set(name(stored), std::string(5000, 'v')) == Status::ok) ++stored;
  ASSERT_GT(stored, 500);
  EXPECT_LE(cache->budget().total_bytes(), 4ULL << 20U);
  EXPECT_EQ(cache->size(0).items, static_cast<std::uint64_t>(stored));
  EXPECT_EQ(cache->statistics().eviction_refusals, 1U);
  EXPECT_FALSE(exists(name(stored)));

  EXPECT_EQ(set(name(0), std::string(5000, 'w')), Status::ok);  // in the place of the old one
  EXPECT_EQ(get(name(0)), std::string(5000, 'w'));
  EXPECT_EQ(set(name(1), "small"), Status::ok);
  EXPECT_EQ(set(name(2), std::string(15'000, 'x')), Status::out_of_memory);
  EXPECT_EQ(get(name(2)), std::string(5000, 'v'));
  EXPECT_EQ(append(name(2), std::string(15'000, 'x')), Status::out_of_memory);
  EXPECT_EQ(get(name(2)), std::string(5000, 'v'));
  for (int i = 3; i < 23; ++i) EXPECT_TRUE(remove(name(i)));  // tables may have grown meanwhile
  EXPECT_EQ(set(name(stored), std::string(5000, 'v')), Status::ok);
  EXPECT_EQ(cache->statistics().evicted, 0U);
}

TEST_F(EvictionTest, WhatCanNeverFitEmptiesNothing) {
  open({.max_memory_bytes = kIndex + (1ULL << 20U)});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(set(name(i), "value"), Status::ok);
  EXPECT_EQ(set("huge", std::string(3U << 20U, 'v')), Status::out_of_memory);
  EXPECT_EQ(cache->make_room(*session, 3U << 20U), Status::out_of_memory);
  EXPECT_FALSE(cache->allocate_value(*session, 3U << 20U));
  EXPECT_FALSE(cache->allocate_value(*session, kMaxValueBytes + 1));
  EXPECT_EQ(cache->size(0).items, 100U);
  EXPECT_EQ(cache->statistics().evicted, 0U);
}

TEST_F(EvictionTest, AWritePaysForAFewVictimsAndUpkeepForTheRest) {
  for (int i = 0; i < 5000; ++i) set(name(i), std::string(100, 'v'));
  ASSERT_EQ(verify(*cache), "");
  limit(kIndex + (cache->budget().total_bytes() - kIndex) / 2, Policy::allkeys_lru);
  EXPECT_EQ(set("new", "value"), Status::ok);
  const std::uint64_t by_write = cache->statistics().evicted;
  EXPECT_GT(by_write, 0U);
  EXPECT_LT(by_write, 40U);
  const UpkeepReport slice = cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  EXPECT_TRUE(slice.more);
  EXPECT_GT(slice.evicted, 0U);
  upkeep();
  EXPECT_LE(cache->budget().total_bytes(), cache->budget().limit_bytes());
}

TEST_F(EvictionTest, GrownClientBuffersPushItemsOutAndThenWritesFail) {
  open({.max_memory_bytes = 8ULL << 20U});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  cache->budget().charge(Purpose::client_buffers, 100 << 20);
  EXPECT_EQ(set("new", "value"), Status::ok);
  EXPECT_LT(cache->size(0).items, 1000U);
  upkeep();
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_EQ(set("new", "value"), Status::out_of_memory);
  EXPECT_EQ(cache->make_room(*session, 0), Status::out_of_memory);
  cache->budget().charge(Purpose::client_buffers, -(100 << 20));
  EXPECT_EQ(set("new", "value"), Status::ok);
}

TEST_F(EvictionTest, RareVolatileItemsAreFoundInLargeTables) {
  for (int i = 0; i < 100'000; ++i) set(name(i), "v", i == 23'456 ? now() + 1'000'000 : kNoExpiry);
  ASSERT_EQ(verify(*cache), "");
  const std::uint64_t total = cache->budget().total_bytes();
  limit(Cache::limit_for(total - 2), Policy::volatile_lru);
  EXPECT_EQ(cache->make_room(*session, 0), Status::ok);
  EXPECT_FALSE(exists(name(23'456)));
}

TEST_F(EvictionTest, MakesRoomForALargeValueOfManySmallOnes) {
  open({.max_memory_bytes = 4ULL << 20U});
  for (int i = 0; i < 30'000; ++i) ASSERT_EQ(set(name(i), std::string(50, 'v')), Status::ok);
  ValueRef block = cache->allocate_value(*session, 2U << 20U);
  ASSERT_TRUE(block);
  EXPECT_LE(cache->budget().total_bytes(), cache->budget().limit_bytes() + kTolerance);
  EXPECT_EQ(cache->update(*session, cache->key(0, "large"), [&](Decision& decision) { decision.put(block, kNoExpiry); }),
            Status::ok);
  EXPECT_TRUE(exists("large"));
}

}  // namespace
}  // namespace strata::cache
