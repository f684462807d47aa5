#include <array>

#include "engine/cache/cache_core.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

// The policies by what they let go. How often they are right: tests/golden/policy_fidelity_test.cpp.
class FirstShown final : public VictimChooser {
 public:
  [[nodiscard]] std::size_t choose(std::span<const VictimCandidate>) noexcept override { return 0; }
};

class PolicyTest : public CacheTest {
 protected:
  static std::string name(int i) { return "key" + std::to_string(i); }
  static std::string value() { return std::string(1000, 'v'); }

  // A cache that is full of the keys 0 to `count`.
  void fill(Policy policy, int count) {
    open({.max_memory_bytes = kPlenty, .policy = policy});
    for (int i = 0; i < count; ++i) ASSERT_EQ(set(name(i), value()), Status::ok);
    full_bytes_ = cache->budget().total_bytes() + 600;
    limit(Cache::limit_for(full_bytes_), policy);
  }
  void add(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(set(name(i), value()), Status::ok);
  }
  int count(int from, int to) {
    int there = 0;
    for (int i = from; i < to; ++i) there += exists(name(i));
    return there;
  }

  std::uint64_t full_bytes_ = 0;
};

TEST_F(PolicyTest, LruLetsTheLeastRecentlyUsedGo) {
  fill(Policy::lru, 1000);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(get(name(i)));
  for (int i = 500; i < 600; ++i) ASSERT_EQ(set(name(i), value()), Status::ok);  // written is used, too
  add(1000, 1200);
  EXPECT_EQ(count(0, 600), 600);
  EXPECT_LE(count(600, 800), 10);
  EXPECT_EQ(count(810, 1200), 390);
}

TEST_F(PolicyTest, MruLetsTheMostRecentlyUsedGo) {
  fill(Policy::mru, 1000);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(get(name(i)));
  add(1000, 1050);
  // Those that were read last, then each that was added before the next.
  EXPECT_TRUE(exists(name(1049)));
  EXPECT_EQ(count(1000, 1049), 0);
  EXPECT_LE(count(0, 100), 99);
  EXPECT_EQ(count(100, 1000), 900);
}

TEST_F(PolicyTest, FifoDoesNotLookAtHits) {
  fill(Policy::fifo, 1000);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(get(name(i)));
  add(1000, 1100);
  EXPECT_LE(count(0, 100), 20);
  EXPECT_GE(count(120, 1100), 970);
}

TEST_F(PolicyTest, ClockAndSieveSpareWhatWasHit) {
  for (const Policy policy : {Policy::clock, Policy::sieve}) {
    fill(policy, 1000);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(get(name(i)));
    add(1000, 1300);
    EXPECT_EQ(count(0, 100), 100) << policy_name(policy);
    EXPECT_LE(count(100, 400), 20) << policy_name(policy);
  }
}

// Where clock would lose everything: a scan of keys that nobody asks for again.
TEST_F(PolicyTest, S3FifoKeepsWhatIsUsedThroughAScan) {
  fill(Policy::s3fifo, 1000);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(get(name(i)));
  }
  add(1000, 6000);
  EXPECT_EQ(count(0, 500), 500);
  const Statistics statistics = cache->statistics();
  EXPECT_GE(statistics.promoted, 500U);
  EXPECT_GE(statistics.evicted_young, 4500U);
  EXPECT_LE(statistics.readmitted, 40U);  // taken for others: 0.4 %
}

// A hit of what is small is worth more than one of what is large: it takes less memory from others.
TEST_F(PolicyTest, S3FifoAsksLessOfWhatIsSmall) {
  open({.max_memory_bytes = kPlenty, .policy = Policy::s3fifo});
  const auto each = [](const char* prefix, auto what) {
    for (int i = 0; i < 200; ++i) what(prefix + std::to_string(i));
  };
  const auto store = [&](std::size_t bytes) {
    return [this, bytes](const std::string& key) { ASSERT_EQ(set(key, std::string(bytes, 'v')), Status::ok); };
  };
  for (int i = 0; i < 200; ++i) {
    store(60)("tiny" + std::to_string(i));
    store(400)("small" + std::to_string(i));
    store(1000)("middle" + std::to_string(i));
    store(3000)("large" + std::to_string(i));
  }
  limit(Cache::limit_for(cache->budget().total_bytes() + 600), Policy::s3fifo);
  const auto read = [&](const std::string& key) { ASSERT_TRUE(get(key)); };
  for (const char* prefix : {"small", "middle", "large", "large"}) each(prefix, read);
  add(0, 3000);
  const auto left = [&](const char* prefix) {
    int there = 0;
    each(prefix, [&](const std::string& key) { there += exists(key); });
    return there;
  };
  EXPECT_GE(left("tiny"), 190);
  EXPECT_GE(left("small"), 190);
  EXPECT_LE(left("middle"), 10);
  EXPECT_LE(left("large"), 10);
  EXPECT_GE(cache->statistics().judged_by_size, 550U);
}

// Values as a server receives them, in blocks of their own, count in the young queue with what they take.
TEST_F(PolicyTest, S3FifoKeepsLargeValuesThroughAScan) {
  open({.max_memory_bytes = kPlenty, .policy = Policy::s3fifo});
  const auto receive = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      ValueRef block = cache->allocate_value(*session, 40'000);
      ASSERT_TRUE(block);
      ASSERT_EQ(cache->update(*session, cache->key(0, name(i)), [&](Decision& decision) { decision.put(block, kNoExpiry); }),
                Status::ok);
    }
  };
  receive(0, 300);
  limit(Cache::limit_for(cache->budget().total_bytes() + 50'000), Policy::s3fifo);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(get(name(i)));
  }
  receive(300, 1500);
  EXPECT_GE(count(0, 150), 145);
  EXPECT_LE(count(150, 300), 10);
}

TEST(PolicySizesTest, HitsThatAreAskedForGrowWithTheSize) {
  EXPECT_EQ(promoted_at(100, 0), kPromotedAt) << "nothing is known of the others";
  EXPECT_EQ(promoted_at(100, 100), kPromotedAt);
  EXPECT_EQ(promoted_at(100, 199), kPromotedAt);
  EXPECT_EQ(promoted_at(100, 50), kPromotedAt);
  EXPECT_EQ(promoted_at(101, 50), 3U);
  EXPECT_EQ(promoted_at(100, 200), 1U);
  EXPECT_EQ(promoted_at(100, 799), 1U);
  EXPECT_EQ(promoted_at(100, 800), 0U);
}

TEST_F(PolicyTest, S3FifoTakesBackWhatItLetGo) {
  fill(Policy::s3fifo, 1000);
  add(1000, 1300);
  ASSERT_LE(count(0, 250), 20);
  // They come back, to the main queue: a scan does not take them again.
  add(0, 200);
  EXPECT_GE(cache->statistics().readmitted, 180U);
  add(2000, 5000);
  EXPECT_GE(count(0, 200), 180);
}

TEST_F(PolicyTest, WhatTheYoungQueueNeedsIsCharged) {
  fill(Policy::s3fifo, 1000);
  EXPECT_EQ(cache->budget().bytes(Purpose::policy), 0U);
  add(1000, 4000);
  EXPECT_GT(cache->budget().bytes(Purpose::policy), 4096U);
  EXPECT_LE(cache->budget().total_bytes(), full_bytes_ + 200'000);
}

TEST_F(PolicyTest, SampledLruLetsWhatWasUsedLongAgoGo) {
  fill(Policy::allkeys_lru, 1000);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(get(name(i)));
  add(1000, 1200);
  // Those that were read are as young as what came last before them.
  EXPECT_GE(count(0, 500), 490);
  EXPECT_LE(count(500, 1000), 330);
  EXPECT_GT(cache->statistics().sampled, 500U);
}

TEST_F(PolicyTest, LfuKeepsWhatIsUsedOftenThroughAScan) {
  fill(Policy::allkeys_lfu, 1000);
  for (int round = 0; round < 16; ++round) {
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(get(name(i)));
  }
  // A round and a half of keys that are each used once more.
  for (int i = 1000; i < 2500; ++i) {
    add(i, i + 1);
    ASSERT_TRUE(get(name(i)));
  }
  EXPECT_GE(count(0, 300), 285);
  // By recency they would be gone.
  fill(Policy::allkeys_lru, 1000);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(get(name(i)));
  add(1000, 2500);
  EXPECT_LE(count(0, 300), 150);
}

TEST_F(PolicyTest, LfuForgetsOldUse) {
  fill(Policy::allkeys_lfu, 1000);
  for (int round = 0; round < 16; ++round) {
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(get(name(i)));
  }
  // Ten rounds in which they are not used, and others twice each.
  for (int i = 1000; i < 11'000; ++i) {
    add(i, i + 1);
    ASSERT_TRUE(get(name(i)));
  }
  EXPECT_LE(count(0, 300), 100);
}

TEST_F(PolicyTest, WhatIsWrittenAgainKeepsItsUse) {
  fill(Policy::allkeys_lfu, 1000);
  for (int round = 0; round < 16; ++round) {
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(get(name(i)));
  }
  for (int i = 0; i < 300; ++i) ASSERT_EQ(set(name(i), value()), Status::ok);  // lies elsewhere now
  add(1000, 2000);
  EXPECT_GE(count(0, 300), 290);
}

TEST_F(PolicyTest, TheVolatileOnesCompareOnlyWhatExpires) {
  for (const Policy policy : {Policy::volatile_lru, Policy::volatile_lfu}) {
    open({.max_memory_bytes = kPlenty, .policy = policy});
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), value(), i % 2 == 0 ? now() + 1'000'000 : kNoExpiry), Status::ok);
    limit(cache->budget().total_bytes() + 600, policy);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(get(name(i)));
    add(1000, 1150);
    int kept = 0;
    for (int i = 1; i < 1000; i += 2) kept += exists(name(i));
    EXPECT_EQ(kept, 500) << policy_name(policy);
    EXPECT_EQ(count(1000, 1150), 150) << policy_name(policy);
    // 250 that were used, and of the other 250 what is left.
    EXPECT_GE(count(0, 500), 470) << policy_name(policy);
  }
}

TEST_F(PolicyTest, WhatTheUsesNeedIsChargedAndGivenBack) {
  fill(Policy::s3fifo, 20'000);
  limit(kPlenty, Policy::allkeys_lru);
  const std::uint64_t before = cache->budget().bytes(Purpose::policy);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(set(name(i), value()), Status::ok);
  const std::uint64_t taken = cache->budget().bytes(Purpose::policy) - before;
  EXPECT_GE(taken, 20'000U);
  EXPECT_LE(taken, 4 * 20'000U + 65'536U);  // items were written twice, so that they lie on twice their room
  limit(kPlenty, Policy::volatile_lru);
  EXPECT_EQ(cache->budget().bytes(Purpose::policy) - before, taken) << "what is known stays";
  limit(kPlenty, Policy::clock);
  EXPECT_EQ(cache->budget().bytes(Purpose::policy), before);
}

TEST_F(PolicyTest, ChangesWhileItRunsAndLosesNothing) {
  const std::array policies = {Policy::s3fifo,       Policy::lru,          Policy::sieve,
                               Policy::clock,        Policy::allkeys_lru,  Policy::s3fifo,
                               Policy::allkeys_lfu,  Policy::fifo,         Policy::volatile_lru,
                               Policy::allkeys_lru,  Policy::mru,          Policy::allkeys_random,
                               Policy::volatile_lfu, Policy::volatile_ttl, Policy::volatile_random,
                               Policy::s3fifo};
  FirstShown chooser;
  fill(Policy::s3fifo, 1000);
  add(1000, 1500);
  ASSERT_TRUE(cache->set_victim_chooser(&chooser));
  for (const Policy policy : policies) {
    const std::uint64_t items = cache->size(0).items;
    limit(full_bytes_, policy);
    upkeep();
    EXPECT_GE(cache->size(0).items + 30, items) << policy_name(policy);  // but for what an order takes, or the uses
    EXPECT_EQ(verify(*cache), "");
    for (int i = 2000; i < 2300; ++i) ASSERT_EQ(set(name(i), value(), now() + 1'000'000), Status::ok) << policy_name(policy);
    EXPECT_LE(cache->budget().total_bytes(), full_bytes_ + 4096) << policy_name(policy);
  }
  limit(full_bytes_, Policy::noeviction);
  upkeep();
  EXPECT_EQ(cache->budget().bytes(Purpose::policy) / 65536, 0U) << "the order is given back";
}

TEST_F(PolicyTest, AnOrderKnowsWhatWasThereBefore) {
  fill(Policy::noeviction, 1000);
  limit(full_bytes_ + 200'000, Policy::lru);
  upkeep();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(get(name(i)));
  limit(full_bytes_, Policy::lru);
  add(1000, 1500);
  EXPECT_EQ(count(0, 300), 300);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(PolicyTest, AnOrderForgetsWhatIsRemoved) {
  open({.max_memory_bytes = kPlenty, .policy = Policy::lru});
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(set(name(i + round * 3000), "v"), Status::ok);
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(remove(name(i + round * 3000)));
  }
  EXPECT_LE(cache->budget().bytes(Purpose::policy), 400'000U);  // 60,000 keys would take 1.5 MB
}

}  // namespace
}  // namespace strata::cache
