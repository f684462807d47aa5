#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

using ExpiryTest = CacheTest;

TEST_F(ExpiryTest, LazyOnEveryAccess) {
  const auto fresh = [&] {
    set("a", "value", now() + 100);
    advance(99);
    ASSERT_TRUE(exists("a"));
    advance(1);
  };
  fresh();
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(cache->size(0).items, 0U);
  fresh();
  EXPECT_FALSE(exists("a"));
  fresh();
  const Key key = cache->key(0, "a");
  cache->read_many(*session, {&key, 1}, [](std::size_t, const ItemView* item) { EXPECT_EQ(item, nullptr); });
  fresh();
  EXPECT_EQ(cache->update(*session, key, [](Decision& decision) { EXPECT_EQ(decision.current(), nullptr); }), Status::ok);
  fresh();
  EXPECT_EQ(set("a", "again"), Status::ok);
  EXPECT_EQ(get("a"), "again");
  EXPECT_EQ(cache->statistics().expired, 5U);
  EXPECT_EQ(cache->size(0).items, 1U);
}

TEST_F(ExpiryTest, ChangesOfTheExpiryAlone) {
  const Key key = cache->key(0, "a");
  const auto expire = [&](std::int64_t at) {
    return cache->update(*session, key, [&](Decision& decision) { decision.set_expiry(at); });
  };
  set("a", "value");
  EXPECT_EQ(expire(now() + 1000), Status::ok);
  EXPECT_EQ(cache->size(0).with_expiry, 1U);
  EXPECT_EQ(expire(kNoExpiry), Status::ok);
  EXPECT_EQ(cache->size(0).with_expiry, 0U);
  advance(2000);
  EXPECT_EQ(get("a"), "value");
  EXPECT_EQ(expire(now()), Status::ok);
  EXPECT_EQ(cache->size(0).items, 0U);
  set("a", "value", now() + 10);
  set("a", "other");  // put replaces the expiry as well
  EXPECT_EQ(cache->size(0).with_expiry, 0U);
  EXPECT_EQ(set("a", "gone", now() - 1), Status::ok);
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(cache->size(0).items, 0U);
}

TEST_F(ExpiryTest, ActiveSweepRemovesWhatNobodyAsksFor) {
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = static_cast<Namespace>(i % 4);
    set("key" + std::to_string(i), std::string(100, 'v'), i % 2 == 0 ? now() + 1000 : now() + 1'000'000, ns);
  }
  EXPECT_EQ(upkeep().expired, 0U);
  advance(1000);
  std::uint64_t expired = 0;
  for (int i = 0; i < 100 && expired < 10'000; ++i) expired += upkeep().expired;
  EXPECT_EQ(expired, 10'000U);
  EXPECT_EQ(cache->statistics().expired, 10'000U);
  std::uint64_t left = 0;
  for (Namespace ns = 0; ns < 4; ++ns) left += cache->size(ns).items;
  EXPECT_EQ(left, 10'000U);
}

TEST_F(ExpiryTest, SliceEndsTheSweepAndSaysThereIsMore) {
  for (int i = 0; i < 50'000; ++i) set("key" + std::to_string(i), "v", now() + 10);
  advance(10);
  const UpkeepReport slice = cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  EXPECT_TRUE(slice.more);
  EXPECT_GT(slice.expired, 0U);
  EXPECT_LT(slice.expired, 500U);
  upkeep();
  EXPECT_LT(cache->size(0).items, 5000U);
}

TEST_F(ExpiryTest, EachLoopSweepsItsOwnShards) {
  for (int i = 0; i < 8000; ++i) set("key" + std::to_string(i), "v", now() + 10);
  advance(10);
  const auto share = [&](std::size_t first) {
    std::uint64_t expired = 0;
    for (int i = 0; i < 20; ++i) expired += cache->upkeep(*session, first, 2, std::chrono::hours(1)).expired;
    return expired;
  };
  const std::uint64_t even = share(0);
  EXPECT_GT(even, 3000U);
  EXPECT_LT(even, 5000U);
  EXPECT_EQ(share(1), 8000 - even);
  EXPECT_EQ(cache->upkeep(*session, 256, 1, std::chrono::hours(1)).expired, 0U);
}

TEST_F(ExpiryTest, UpkeepGivesTheIndexBackToo) {
  const std::uint64_t before = cache->budget().bytes(Purpose::index);
  for (int i = 0; i < 300'000; ++i) set("key" + std::to_string(i), "v", now() + 10);
  EXPECT_GT(cache->budget().bytes(Purpose::index), before + 300'000UL * 6);
  advance(10);
  for (int i = 0; i < 50; ++i) upkeep();
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_LT(cache->budget().bytes(Purpose::index), before + Cache::kShards * 4096);
}

}  // namespace
}  // namespace strata::cache
