#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/cache/verify.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// What is resident, not what is used, stays below the limit; and what lies where little is left is moved.
class CompactionTest : public CacheTest {
 protected:
  static std::string name(int i) { return "key" + std::to_string(i); }
  static std::string value(int i, std::size_t size) {
    std::string text(size, static_cast<char>('a' + i % 26));
    text.replace(0, std::min(text.size(), name(i).size()), name(i).substr(0, text.size()));
    return text;
  }

  // Nothing is resident that should not be: the last segment may reach across the limit.
  void expect_within_limit() const {
    EXPECT_LE(cache->resident_bytes(), cache->budget().limit_bytes() + kSegment)
        << "of " << cache->budget().total_bytes() << " used";
  }
  void compact() {
    while (cache->compact_now(*session, std::chrono::hours(1))) {
    }
  }
  static constexpr std::uint64_t kSegment = 256U << 10U;  // below 128 MiB
};

// Small ones leave holes that large ones do not fit in.
TEST_F(CompactionTest, ResidentBytesStayBelowTheLimitWhileSizesDrift) {
  constexpr std::uint64_t kLimit = 12 * kMiB;
  for (const Policy policy : {Policy::s3fifo, Policy::lru, Policy::clock, Policy::allkeys_random}) {
    open({.max_memory_bytes = kLimit, .policy = policy});
    std::mt19937_64 random(7);
    for (int generation = 0; generation < 10; ++generation) {
      const std::size_t size = std::size_t{128} << static_cast<unsigned>(generation % 6);
      for (std::uint64_t stored = 0; stored < kLimit * 3 / 2; stored += size) {
        const int i = static_cast<int>(random() % 1'000'000);
        ASSERT_EQ(set(name(i), value(i, size / 2 + random() % size)), Status::ok) << policy_name(policy);
      }
      expect_within_limit();
      // Not by keeping it empty.
      EXPECT_GT(cache->budget().total_bytes(), kLimit * 80 / 100) << policy_name(policy) << ", generation " << generation;
    }
    EXPECT_GT(cache->statistics().place_searches, 0U);
    EXPECT_EQ(verify(*cache), "");
  }
}

// Nothing is idle, so moving would make no room, and what is evicted leaves holes here and there. Not two segments go for one item.
TEST_F(CompactionTest, APlaceForALargerItemIsClearedAmongSmallOnes) {
  constexpr std::uint64_t kLimit = 24 * kMiB;
  for (const Policy policy : {Policy::s3fifo, Policy::lru, Policy::clock, Policy::allkeys_lfu}) {
    open({.max_memory_bytes = kLimit, .policy = policy});
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> size(5.2, 0.9);
    std::uint64_t most_for_one = 0;
    for (int write = 0; write < 500'000; ++write) {
      const auto i = static_cast<int>(random() % (kLimit / 240));
      const std::uint64_t gone = cache->statistics().evicted;
      ASSERT_EQ(set(name(i), value(i, static_cast<std::size_t>(size(random)) + 1)), Status::ok) << policy_name(policy);
      most_for_one = std::max(most_for_one, cache->statistics().evicted - gone);
    }
    EXPECT_GT(cache->statistics().places_cleared, 0U) << policy_name(policy);
    EXPECT_LT(most_for_one, kSegment / 288) << policy_name(policy);
    expect_within_limit();
    EXPECT_EQ(verify(*cache), "");
  }
}

// By the policies that let nothing go that stays until it is removed, such a one ends a stretch.
TEST_F(CompactionTest, APlaceIsClearedOfWhatMayGoAlone) {
  constexpr std::uint64_t kLimit = 24 * kMiB;
  open({.max_memory_bytes = kLimit, .policy = Policy::volatile_lru});
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> size(5.2, 0.9);
  std::map<std::string, std::string> stay;
  for (int write = 0; write < 500'000; ++write) {
    const auto i = static_cast<int>(random() % (kLimit / 240));
    const std::string text = value(i, static_cast<std::size_t>(size(random)) + 1);
    ASSERT_EQ(set(name(i), text, now() + 1'000'000), Status::ok);
    if (write % 50 != 0) continue;
    ASSERT_EQ(set("stays" + std::to_string(write), text), Status::ok);
    stay["stays" + std::to_string(write)] = text;
  }
  EXPECT_GT(cache->statistics().places_cleared, 0U);
  for (const auto& [key, text] : stay) ASSERT_EQ(get(key), text);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(CompactionTest, LargeValuesTakeTheirPagesFromSegments) {
  open({.max_memory_bytes = 24 * kMiB});
  for (int i = 0; i < 40'000; ++i) ASSERT_EQ(set(name(i), value(i, 700)), Status::ok);
  for (int i = 0; i < 100; ++i) {
    const std::size_t size = 100'000 + static_cast<std::size_t>(i) * 20'000;
    ASSERT_EQ(set("large" + std::to_string(i), value(i, size)), Status::ok) << i;
    ASSERT_EQ(get("large" + std::to_string(i)), value(i, size));
    expect_within_limit();
  }
  EXPECT_GT(cache->compaction_statistics().segments_emptied, 0U);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(CompactionTest, WhatOthersHoldIsTakenFromSegments) {
  open({.max_memory_bytes = 24 * kMiB});
  for (int i = 0; i < 60'000; ++i) ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
  expect_within_limit();
  cache->budget().charge(Purpose::client_buffers, 8 * kMiB);
  upkeep();
  expect_within_limit();
  EXPECT_GT(cache->budget().bytes(Purpose::items), 10 * kMiB);
  cache->budget().charge(Purpose::client_buffers, -static_cast<std::int64_t>(8 * kMiB));
  for (int i = 0; i < 60'000; ++i) ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
  expect_within_limit();
  EXPECT_GT(cache->budget().total_bytes(), 22 * kMiB);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(CompactionTest, ALowerLimitIsReachedByUpkeep) {
  open({.max_memory_bytes = 32 * kMiB});
  for (int i = 0; i < 60'000; ++i) ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
  limit(12 * kMiB, Policy::s3fifo);
  upkeep();
  expect_within_limit();
  EXPECT_GT(cache->budget().total_bytes(), 10 * kMiB);
  EXPECT_EQ(verify(*cache), "");
}

// Far from the limit: what is idle goes back to the system, because most of it is idle.
TEST_F(CompactionTest, UpkeepCompactsWhereItPays) {
  open({.max_memory_bytes = 64 * kMiB});
  for (int i = 0; i < 60'000; ++i) ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
  const std::uint64_t full = cache->resident_bytes();
  for (int i = 0; i < 60'000; ++i) {
    if (i % 3 != 0) {
      ASSERT_TRUE(remove(name(i)));
    }
  }
  EXPECT_GT(cache->resident_bytes(), full * 9 / 10);
  upkeep();
  EXPECT_LT(cache->resident_bytes(), full / 2);
  const CompactionStatistics told = cache->compaction_statistics();
  EXPECT_LT(told.free_bytes, told.segments_bytes / 8);
  EXPECT_GT(told.moved_items, 0U);
  EXPECT_GT(told.segments_emptied, 20U);
  for (int i = 0; i < 60'000; i += 3) ASSERT_EQ(get(name(i)), value(i, 500)) << i;
  EXPECT_EQ(verify(*cache), "");
  // And then it is done.
  const std::uint64_t moved = cache->compaction_statistics().moved_items;
  upkeep();
  EXPECT_EQ(cache->compaction_statistics().moved_items, moved);
}

TEST_F(CompactionTest, ItemsOfAllKindsAreTheSameAfterwards) {
  open({.max_memory_bytes = 64 * kMiB});
  const std::int64_t near = now() + 1000, far = now() + 100'000'000'000;
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(set(name(i), value(i, 1 + static_cast<std::size_t>(i) * 100),
                  i % 3 == 0   ? near
                  : i % 3 == 1 ? far
                               : kNoExpiry),
              Status::ok);
    ASSERT_EQ(set(name(i), std::to_string(i), kNoExpiry, 1), Status::ok);  // integers of another database
    ASSERT_EQ(set("gone" + name(i), value(i, 1 + static_cast<std::size_t>(i) * 150)), Status::ok);
  }
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(remove("gone" + name(i)));
  const std::string long_key(3000, 'k');
  ASSERT_EQ(set(long_key, "value"), Status::ok);
  for (int round = 0; round < 40; ++round) compact();
  const std::uint64_t moved = cache->compaction_statistics().moved_items;
  EXPECT_GT(moved, 100U);
  EXPECT_EQ(verify(*cache), "");
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(get(name(i)), value(i, 1 + static_cast<std::size_t>(i) * 100)) << i;
    ASSERT_EQ(get(name(i), 1), std::to_string(i));
  }
  EXPECT_EQ(get(long_key), "value");
  advance(1000);
  for (int i = 0; i < 400; ++i) ASSERT_EQ(exists(name(i)), i % 3 != 0) << i;
}

// A client is still being sent the old value.
TEST_F(CompactionTest, APinnedValueStaysWhereItIsAsLongAsItIsHeld) {
  open({.max_memory_bytes = 64 * kMiB});
  ASSERT_EQ(set("large", value(1, 50'000)), Status::ok);
  ValueRef held;
  ASSERT_TRUE(cache->read(*session, cache->key(0, "large"), [&](const ItemView& item) { held = item.block; }));
  ASSERT_TRUE(held);
  for (int round = 0; round < 5; ++round) compact();
  EXPECT_EQ(cache->compaction_statistics().moved_items, 0U);
  EXPECT_GT(cache->compaction_statistics().given_up, 0U);
  EXPECT_EQ(held.view(), value(1, 50'000));
  EXPECT_EQ(get("large"), value(1, 50'000));
  ASSERT_EQ(set("large", value(2, 50'000)), Status::ok);
  EXPECT_EQ(held.view(), value(1, 50'000));
  held = ValueRef();
  EXPECT_EQ(verify(*cache), "");
}

// What can not be emptied must not be tried by each request that needs memory.
TEST_F(CompactionTest, ASegmentThatWasGivenUpIsLeftAloneForAWhile) {
  open({.max_memory_bytes = 24 * kMiB});
  std::vector<ValueRef> received;
  for (int i = 0; i < 40'000; ++i) {
    ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
    if (i % 5000 != 0) continue;
    received.push_back(cache->allocate_value(*session, 40'000));
    ASSERT_TRUE(received.back());
  }
  // The segments that these lie in are the emptiest.
  for (int i = 0; i < 40'000; ++i) {
    if (i % 5000 < 1000 && i % 10 != 0) (void)remove(name(i));
  }
  for (int i = 0; i < 200; ++i) {
    advance(2);
    ASSERT_EQ(set("large" + std::to_string(i), value(i, 1'000'000)), Status::ok) << i;
  }
  const std::uint64_t given_up = cache->compaction_statistics().given_up;
  EXPECT_GT(given_up, 0U);
  // After 10, 20, 40, 80 and 160 ms once more, and never by each of the 200.
  EXPECT_LE(given_up, 6 * received.size());
  expect_within_limit();
  // And then they can be.
  received.clear();
  const std::uint64_t emptied = cache->compaction_statistics().segments_emptied;
  for (int i = 0; i < 2000; ++i) (void)set(name(i), value(i, 500));
  advance(10'000);
  for (int round = 0; round < 40; ++round) compact();
  EXPECT_GT(cache->compaction_statistics().segments_emptied, emptied);
  EXPECT_EQ(cache->compaction_statistics().given_up, given_up);
  EXPECT_EQ(verify(*cache), "");
}

// Replies are held for milliseconds, and a segment is left alone for seconds.
TEST_F(CompactionTest, NoWriteIsRefusedForWhatWasHeldAMomentAgo) {
  open({.max_memory_bytes = 16 * kMiB});
  const auto fill = [&](int round) {
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), value(i + round, 17'000)), Status::ok);
  };
  fill(0);
  std::vector<ValueRef> held;
  for (int i = 0; i < 1000; ++i) {
    (void)cache->read(*session, cache->key(0, name(i)), [&](const ItemView& item) { held.push_back(item.block); });
  }
  ASSERT_GT(held.size(), 700U);
  // Nothing can be moved, nor be given back.
  EXPECT_EQ(set("large", value(1, 6'000'000)), Status::out_of_memory);
  EXPECT_GT(cache->compaction_statistics().given_up, 10U);
  held.clear();
  advance(5);
  fill(1);
  EXPECT_EQ(set("large", value(1, 6'000'000)), Status::ok);
  EXPECT_EQ(get("large"), value(1, 6'000'000));
  expect_within_limit();
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(CompactionTest, ASegmentThatCannotBeEmptiedIsGivenUp) {
  open({.max_memory_bytes = 64 * kMiB});
  ValueRef received = cache->allocate_value(*session, 40'000);
  ASSERT_TRUE(received);
  compact();
  for (int round = 0; round < 40; ++round) {
    compact();
  }
  EXPECT_GT(cache->compaction_statistics().given_up, 0U);
  received = ValueRef();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), value(i, 500)), Status::ok);
  EXPECT_EQ(verify(*cache), "");
}

// A dropped database must not come back because an item of it was moved out of the sweep's way.
TEST_F(CompactionTest, WhatWasFlushedIsNotMoved) {
  open({.max_memory_bytes = 64 * kMiB});
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(set(name(i), value(i, 200)), Status::ok);
  cache->clear(*session, 0, false);
  compact();
  EXPECT_EQ(cache->compaction_statistics().moved_items, 0U);
  upkeep();
  for (int i = 0; i < 20'000; ++i) ASSERT_FALSE(exists(name(i)));
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_EQ(verify(*cache), "");
}

}  // namespace
}  // namespace strata::cache
