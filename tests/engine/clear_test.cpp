#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class ClearTest : public CacheTest {
 protected:
  void fill(Namespace ns, int items) {
    for (int i = 0; i < items; ++i) ASSERT_EQ(set("key" + std::to_string(i), std::string(100, 'v'), kNoExpiry, ns), Status::ok);
  }
};

TEST_F(ClearTest, EmptiesOneNamespaceAtOnceAndFreesInSlices) {
  fill(0, 20'000);
  fill(1, 1000);
  cache->clear(*session, 0, false);
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_EQ(cache->size(1).items, 1000U);
  EXPECT_EQ(get("key1"), std::nullopt);
  EXPECT_EQ(verify(*cache), "");
  EXPECT_GT(cache->budget().bytes(Purpose::items), 20'000U * 110);  // charged until it is free

  const UpkeepReport first = cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  EXPECT_TRUE(first.more);
  EXPECT_GT(first.freed, 0U);
  EXPECT_LT(first.freed, 200U);
  EXPECT_EQ(cache->items_to_clear(), 20'000U - first.freed);
  EXPECT_EQ(set("key1", "new"), Status::ok);
  EXPECT_EQ(first.freed + upkeep().freed, 20'000U);
  EXPECT_EQ(cache->items_to_clear(), 0U);
  EXPECT_EQ(get("key1"), "new");
  EXPECT_EQ(verify(*cache), "");
  EXPECT_LT(cache->budget().bytes(Purpose::items), 1100U * 200);
}

// By work, not by time: without any for it a slice does the least it can. That is little, also where all segments become free nearly at once, as they do
// when the last of many items go.
TEST_F(ClearTest, ASliceGoesOnForLittleWhenItsTimeIsOver) {
  open({.max_memory_bytes = 200U << 20U, .policy = Policy::noeviction});
  constexpr int kItems = 200'000;
  for (int i = 0; i < kItems; ++i) ASSERT_EQ(set("key" + std::to_string(i), std::string(500, 'v')), Status::ok);
  const auto segments = [this] { return cache->compaction_statistics().segments_bytes >> 21U; };
  const std::uint64_t full = segments();
  ASSERT_GT(full, 30U);
  cache->clear_all(*session, false);
  std::uint64_t most_freed = 0, most_given_back = 0;
  // What went last waits for the readers a little longer.
  std::size_t calls_after = 0;
  for (std::size_t i = 0; calls_after < 100 && i < 1'000'000; ++i) {
    if (!cache->is_clearing()) ++calls_after;
    const std::uint64_t before = segments();
    const UpkeepReport report = cache->upkeep(*session, i % Cache::kShards, Cache::kShards, std::chrono::nanoseconds(0));
    most_freed = std::max<std::uint64_t>(most_freed, report.freed);
    most_given_back = std::max(most_given_back, before - std::min(before, segments()));
  }
  EXPECT_FALSE(cache->is_clearing());
  EXPECT_LT(most_freed, 200U);
  EXPECT_GT(most_given_back, 0U);
  EXPECT_LE(most_given_back, 4U);
  EXPECT_LE(segments(), 3U);
}

TEST_F(ClearTest, WaitFreesBeforeItReturns) {
  const std::uint64_t before = cache->budget().total_bytes();
  fill(0, 5000);
  fill(2, 5000);
  cache->clear_all(*session, true);
  EXPECT_EQ(cache->size(0).items + cache->size(2).items, 0U);
  // But for what tells the cause of misses.
  EXPECT_EQ(cache->budget().total_bytes() - cache->budget().bytes(Purpose::policy), before);
  EXPECT_EQ(upkeep().freed, 0U);
}

TEST_F(ClearTest, WaitGivesTheSegmentsBackToo) {
  open({.max_memory_bytes = 200U << 20U, .policy = Policy::noeviction});
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(set("key" + std::to_string(i), std::string(500, 'v')), Status::ok);
  const auto segments = [this] { return cache->compaction_statistics().segments_bytes >> 21U; };
  ASSERT_GT(segments(), 20U);
  cache->clear_all(*session, true);
  EXPECT_FALSE(cache->is_clearing());
  EXPECT_LE(segments(), 3U);
}

TEST_F(ClearTest, ManyFlushesPileUp) {
  for (int i = 0; i < 300; ++i) {
    fill(0, 5);
    cache->clear_all(*session, false);
  }
  upkeep();
  EXPECT_EQ(cache->budget().bytes(Purpose::items), 0U);
}

TEST_F(ClearTest, DestroyedWithFlushedItemsLeft) {
  for (int i = 0; i < 3; ++i) {
    fill(0, 1000);
    cache->clear(*session, 0, false);
  }
  EXPECT_EQ(cache->size(0).items, 0U);
}

}  // namespace
}  // namespace strata::cache
