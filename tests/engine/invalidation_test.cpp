#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class InvalidationTest : public CacheTest {
 protected:
  void fill(const std::string& prefix, int items, Namespace ns = 0) {
    for (int i = 0; i < items; ++i) ASSERT_EQ(set(prefix + std::to_string(i), std::string(100, 'v'), kNoExpiry, ns), Status::ok);
  }
  void invalidate(std::string_view prefix, Namespace ns = 0, bool wait = false) {
    ASSERT_EQ(cache->invalidate_prefix(*session, ns, prefix, wait), Status::ok);
  }
  std::set<std::string> scanned(Namespace ns = 0) {
    std::set<std::string> keys;
    std::uint64_t cursor = 0;
    do {
      cursor = cache->scan(*session, ns, cursor, 100, 1000, [&](std::string_view key, const ItemView&) { keys.emplace(key); });
    } while (cursor != 0);
    return keys;
  }
};

TEST_F(InvalidationTest, PrefixIsGoneAtOnceAndComesBackInSlices) {
  fill("user:", 20'000);
  fill("post:", 1000);
  invalidate("user:");
  EXPECT_EQ(get("user:1"), std::nullopt);
  EXPECT_FALSE(exists("user:19999"));
  EXPECT_TRUE(exists("post:1"));
  EXPECT_EQ(scanned().size(), 1000U);
  EXPECT_EQ(cache->pending_prefixes(), 1U);
  // Less what was looked at: not taken out yet, and counted until it is.
  EXPECT_EQ(cache->size(0).items, 20'998U);
  EXPECT_GT(cache->budget().bytes(Purpose::items), 20'000U * 110);

  const UpkeepReport first = cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  EXPECT_TRUE(first.more);
  EXPECT_LT(first.invalidated, 200U);
  upkeep();
  EXPECT_EQ(cache->pending_prefixes(), 0U);
  EXPECT_EQ(cache->size(0).items, 1000U);
  EXPECT_EQ(cache->statistics().invalidated, 20'000U);
  EXPECT_LT(cache->budget().bytes(Purpose::items), 1000U * 200);
}

TEST_F(InvalidationTest, WhatIsWrittenAfterwardsStays) {
  fill("user:", 100);
  invalidate("user:");
  EXPECT_EQ(set("user:1", "new"), Status::ok);
  EXPECT_EQ(set_many({{"user:2", "new"}, {"user:3", "new"}}), Status::ok);
  EXPECT_EQ(append("user:4", "new"), Status::ok);
  EXPECT_EQ(set("user:5", "new", now() + 1000), Status::ok);
  EXPECT_EQ(set("user:6", "4711"), Status::ok);  // stored as a number
  const std::string large(1U << 20U, 'L');
  EXPECT_EQ(set("user:7", large), Status::ok);
  const auto check = [&] {
    for (const char* key : {"user:1", "user:2", "user:3", "user:4", "user:5"}) EXPECT_EQ(get(key), "new") << key;
    EXPECT_EQ(get("user:6"), "4711");
    EXPECT_EQ(get("user:7"), large);
    EXPECT_EQ(scanned().size(), 7U);
  };
  check();
  upkeep();
  check();
  EXPECT_EQ(cache->size(0).items, 7U);
  // The same prefix, one of its beginnings and one that it begins, all pending at a time.
  invalidate("user:1");
  EXPECT_EQ(get("user:1"), std::nullopt);
  EXPECT_EQ(get("user:2"), "new");
  EXPECT_EQ(set("user:1", "newer"), Status::ok);
  invalidate("user:");
  EXPECT_EQ(scanned(), std::set<std::string>{});
  EXPECT_EQ(set("user:1", "newest"), Status::ok);
  EXPECT_EQ(set("user:2", "newest"), Status::ok);
  invalidate("user:1");
  EXPECT_EQ(scanned(), std::set<std::string>{"user:2"});
  upkeep();
  EXPECT_EQ(scanned(), std::set<std::string>{"user:2"});
  EXPECT_EQ(cache->size(0).items, 1U);
}

TEST_F(InvalidationTest, ItemsThatSayWhenTheyWereWrittenKeepAllTheyHold) {
  fill("user:", 10, 3);
  invalidate("user:", 3);
  const std::string long_key = "user:" + std::string(300, 'k');
  const std::string long_value(5000, 'x');
  EXPECT_EQ(set(long_key, long_value, now() + 1000, 3), Status::ok);
  EXPECT_EQ(set("user:far", "v", now() + (std::int64_t{1} << 40U), 3), Status::ok);
  EXPECT_EQ(get(long_key, 3), long_value);
  EXPECT_EQ(get("user:far", 3), "v");
  EXPECT_EQ(get(long_key, 0), std::nullopt);
  advance(1001);
  EXPECT_EQ(get(long_key, 3), std::nullopt);
  upkeep();
  EXPECT_EQ(scanned(3), std::set<std::string>{"user:far"});
}

TEST_F(InvalidationTest, WritersSeeNothingOfIt) {
  fill("user:", 10);
  invalidate("user:");
  EXPECT_FALSE(remove("user:1"));
  bool was_there = true;
  EXPECT_EQ(cache->remove(*session, cache->key(0, "user:2"), was_there), Status::ok);
  EXPECT_FALSE(was_there);
  cache->update(*session, cache->key(0, "user:3"), [&](Decision& decision) {
    EXPECT_EQ(decision.current(), nullptr);
    decision.set_expiry(now() + 10);
  });
  EXPECT_FALSE(exists("user:3"));
  const std::array keys{cache->key(0, "user:4"), cache->key(0, "user:5")};
  EXPECT_EQ(
      cache->update_many(*session, keys, 0, [](std::size_t, Decision& decision) { EXPECT_EQ(decision.current(), nullptr); }),
      Status::ok);
  std::size_t seen = 0;
  cache->read_many(*session, keys, [&](std::size_t, const ItemView* item) { seen += item != nullptr ? 1U : 0U; });
  EXPECT_EQ(seen, 0U);
  std::size_t removed = 7;
  EXPECT_EQ(cache->remove_many(*session, keys, removed), Status::ok);
  EXPECT_EQ(removed, 0U);
  EXPECT_EQ(set("user:6", "new"), Status::ok);
  EXPECT_EQ(set("other", "new"), Status::ok);
  const std::array two{cache->key(0, "user:6"), cache->key(0, "other"), cache->key(0, "user:7"), cache->key(0, "other")};
  EXPECT_EQ(cache->remove_many(*session, two, removed), Status::ok);
  EXPECT_EQ(removed, 2U);
}

TEST_F(InvalidationTest, IsOfOneDatabaseAndGoesWithItsContent) {
  fill("user:", 10, 0);
  fill("user:", 10, 1);
  invalidate("user:", 1);
  EXPECT_TRUE(exists("user:1", 0));
  EXPECT_FALSE(exists("user:1", 1));
  cache->swap(0, 1);
  EXPECT_TRUE(exists("user:1", 1));
  EXPECT_FALSE(exists("user:1", 0));
  EXPECT_EQ(set("user:1", "new", kNoExpiry, 0), Status::ok);
  cache->clear(*session, 0, false);
  EXPECT_FALSE(exists("user:1", 0));
  EXPECT_EQ(set("user:2", "new", kNoExpiry, 0), Status::ok);
  upkeep();
  EXPECT_EQ(scanned(0), std::set<std::string>{"user:2"});
  EXPECT_EQ(scanned(1).size(), 10U);
}

TEST_F(InvalidationTest, MissesCountAsOfRemovedKeys) {
  fill("user:", 10);
  invalidate("user:");
  get("user:1");
  upkeep();
  get("user:2");
  get("never");
  EXPECT_EQ(cache->statistics().misses_removed, 2U);
  EXPECT_EQ(cache->statistics().misses_never_seen(), 1U);
}

TEST_F(InvalidationTest, WaitTakesOutBeforeItReturns) {
  fill("user:", 5000);
  invalidate("user:", 0, true);
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_EQ(cache->pending_prefixes(), 0U);
  EXPECT_EQ(cache->budget().bytes(Purpose::items), 0U);
}

TEST_F(InvalidationTest, AtTheMostWhoComesSweeps) {
  const std::uint64_t before = cache->budget().bytes(Purpose::policy);
  fill("k:", 3000);
  for (std::size_t n = 0; n < InvalidatedPrefixes::kMost; ++n) invalidate("k:" + std::to_string(100 + n) + ":");
  EXPECT_EQ(cache->pending_prefixes(), InvalidatedPrefixes::kMost);
  EXPECT_GT(cache->budget().bytes(Purpose::policy), before);
  invalidate("k:1");
  EXPECT_EQ(cache->pending_prefixes(), 1U);  // what begins with another waits no more by itself
  for (std::size_t n = 0; n < InvalidatedPrefixes::kMost - 1; ++n) invalidate("k:2" + std::to_string(100 + n));
  EXPECT_EQ(cache->pending_prefixes(), InvalidatedPrefixes::kMost);
  EXPECT_EQ(cache->size(0).items, 3000U);
  invalidate("k:3");
  EXPECT_EQ(cache->pending_prefixes(), 1U);
  EXPECT_LT(cache->size(0).items, 3000U);  // all that waited has gone
  EXPECT_FALSE(exists("k:3"));
  EXPECT_FALSE(exists("k:1"));
  EXPECT_FALSE(exists("k:2100"));
  EXPECT_TRUE(exists("k:4"));
}

TEST_F(InvalidationTest, RefusesALongPrefixAndClearsForAnEmptyOne) {
  fill("user:", 10);
  EXPECT_EQ(cache->invalidate_prefix(*session, 0, std::string(Cache::kMostPrefixBytes + 1, 'u'), false), Status::too_large);
  EXPECT_EQ(scanned().size(), 10U);
  invalidate(std::string(Cache::kMostPrefixBytes, 'u'));
  EXPECT_EQ(scanned().size(), 10U);
  invalidate("");
  EXPECT_EQ(cache->size(0).items, 0U);
}

TEST_F(InvalidationTest, TablesThatGrowMeanwhileLoseNothing) {
  fill("user:", 2000);
  invalidate("user:");
  std::set<std::string> expected;
  for (int i = 0; i < 60'000; ++i) {
    const std::string key = (i % 2 == 0 ? "user:" : "post:") + std::to_string(i);
    ASSERT_EQ(set(key, "v"), Status::ok);
    expected.insert(key);
    if (i % 1000 == 0) cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  }
  upkeep();
  EXPECT_EQ(scanned(), expected);
  EXPECT_EQ(cache->size(0).items, expected.size());
}

TEST_F(InvalidationTest, DestroyedWhilePending) {
  fill("user:", 100);
  invalidate("user:");
  invalidate("user:1");
}

}  // namespace
}  // namespace strata::cache
