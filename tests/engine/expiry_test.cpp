#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/cache/expiry_tally.h"
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

TEST_F(ExpiryTest, EachLoopLooksAfterItsOwnDomains) {
  // Segments are opened in one domain after the other.
  for (int i = 0; i < 20'000; ++i) set("key" + std::to_string(i), std::string(1000, 'v'), now() + 10);
  advance(10);
  const auto share = [&](std::size_t first) { return cache->upkeep(*session, first, 2, std::chrono::hours(1)).expired; };
  const std::uint64_t even = share(0);
  EXPECT_GT(even, 5000U);
  EXPECT_LT(even, 15'000U);
  EXPECT_EQ(share(1), 20'000 - even);
  EXPECT_EQ(cache->upkeep(*session, 256, 1, std::chrono::hours(1)).expired, 0U);
}

TEST_F(ExpiryTest, MoreLoopsThanDomainsShareThem) {
  open({.max_memory_bytes = 64U << 20U, .policy = Policy::noeviction, .eviction_samples = 5});
  for (std::size_t loop = 0; loop < 3; ++loop) {
    set("key", "v", now() + 10);
    advance(10);
    EXPECT_EQ(cache->upkeep(*session, loop, 3, std::chrono::hours(1)).expired, 1U);
  }
}

TEST_F(ExpiryTest, WalksOnlyWhereSomethingHasExpired) {
  for (int i = 0; i < 100'000; ++i) set("stays" + std::to_string(i), std::string(100, 'v'), now() + 1'000'000);
  EXPECT_EQ(upkeep().expired, 0U);
  EXPECT_EQ(cache->expiry_statistics().walks, 0U);
  for (int i = 0; i < 1000; ++i) set("goes" + std::to_string(i), std::string(100, 'v'), now() + 1000);
  advance(1000);
  EXPECT_EQ(upkeep().expired, 1000U);
  // They lie in one segment, or across the border of two. More than that holds the index back.
  const ExpiryStatistics told = cache->expiry_statistics();
  EXPECT_GE(told.walks, 1U);
  EXPECT_LE(told.walks, 2U);
  EXPECT_LT(told.looked, 50'000U);
  EXPECT_EQ(upkeep().expired, 0U);
  EXPECT_EQ(cache->expiry_statistics().walks, told.walks);
}

TEST_F(ExpiryTest, WaitsUntilAWalkPays) {
  constexpr int kItems = 20'000;
  for (int i = 0; i < kItems; ++i) {
    const auto after_ms = static_cast<std::int64_t>(std::uint64_t{static_cast<unsigned>(i)} * 7919 % kItems) * 50 + 1;
    set("key" + std::to_string(i), std::string(100, 'v'), now() + after_ms);
  }
  std::int64_t most_left = 0;
  std::int64_t expected = kItems;
  for (int tick = 0; tick < 600; ++tick) {
    advance(100);
    upkeep();
    expected -= 2;
    most_left = std::max(most_left, static_cast<std::int64_t>(cache->size(0).items) - expected);
  }
  // One in 128, and what a walk finds that was about to come.
  EXPECT_LT(most_left, kItems / 64);
  EXPECT_GT(most_left, 0);
  // Two segments, or three, each once in eight seconds.
  EXPECT_LT(cache->expiry_statistics().walks, 40U);
  EXPECT_GT(cache->expiry_statistics().walks, 10U);
}

TEST_F(ExpiryTest, FindsWhatWasToExpireLaterAtFirst) {
  for (int i = 0; i < 1000; ++i) set("key" + std::to_string(i), "v", now() + 1'000'000);
  upkeep();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(cache->update(*session, cache->key(0, "key" + std::to_string(i)),
                            [&](Decision& decision) { decision.set_expiry(now() + 1000); }),
              Status::ok);
  }
  advance(1000);
  EXPECT_EQ(upkeep().expired, 10U);
}

TEST_F(ExpiryTest, FindsItemsOfPagesOfTheirOwn) {
  // The key is what makes it large.
  const std::string key(1'500'000, 'k');
  ASSERT_EQ(set(key, "v", now() + 1000), Status::ok);
  ASSERT_EQ(set("large value", std::string(5'000'000, 'v'), now() + 2000), Status::ok);
  EXPECT_EQ(upkeep().expired, 0U);
  advance(1000);
  EXPECT_EQ(upkeep().expired, 1U);
  EXPECT_EQ(upkeep().expired, 0U);
  advance(1000);
  EXPECT_EQ(upkeep().expired, 1U);
  EXPECT_EQ(cache->budget().bytes(Purpose::large_values), 0U);
}

TEST_F(ExpiryTest, FollowsWhatIsMoved) {
  for (int i = 0; i < 50'000; ++i) set("key" + std::to_string(i), std::string(100, 'v'), now() + 1000 + i % 2 * 1'000'000);
  for (int i = 0; i < 50'000; ++i) {
    if (i % 4 != 0) remove("key" + std::to_string(i));
  }
  for (int i = 0; i < 1000 && cache->compaction_statistics().moved_items < 2000; ++i)
    (void)cache->compact_now(*session, std::chrono::hours(1));
  EXPECT_GT(cache->compaction_statistics().moved_items, 1000U);
  ASSERT_EQ(verify(*cache), "");
  advance(1000);
  EXPECT_EQ(upkeep().expired, 12'500U);
}

TEST_F(ExpiryTest, IsNotLostWhileItIsChanged) {
  constexpr int kKeys = 64;
  for (int i = 0; i < kKeys; ++i) set("key" + std::to_string(i), "v", now() + 1'000'000);
  std::atomic<bool> ends = false;
  std::thread walker([&] {
    const std::unique_ptr<Session> own = cache->open_session();
    for (std::int64_t time = kStartMs; !ends.load(std::memory_order_relaxed); ++time) {
      own->set_now_ms(time);
      (void)cache->upkeep(*own, 0, 1, std::chrono::microseconds(100));
    }
  });
  for (int i = 0; i < 50'000; ++i) {
    const std::string name = "key" + std::to_string(i % kKeys);
    const Key key = cache->key(0, name);
    const std::int64_t at = now() + 900'000 + i % 7 * 1000;
    ASSERT_EQ(cache->update(*session, key, [&](Decision& decision) { decision.set_expiry(at); }), Status::ok);
    // Each walk looks at all of them again.
    if (i % 16 == 0) set("bait", "v", now());
  }
  ends = true;
  walker.join();
  EXPECT_EQ(cache->size(0).items, std::size_t{kKeys});
  EXPECT_EQ(verify(*cache), "");
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

TEST(ExpiryTallyTest, LooksAgainWhenEnoughWillHaveExpired) {
  ExpiryTally few(1000);
  few.note(1500);
  few.note(kNoExpiry);
  EXPECT_EQ(few.earliest_ms(), 1500);
  EXPECT_EQ(few.worthwhile_ms(), 1000);

  const auto of = [](std::int64_t ahead_ms, std::uint32_t expiring) {
    ExpiryTally tally(1000);
    for (std::uint32_t i = 0; i < ExpiryTally::kWorthwhile * 10; ++i) tally.note(i < expiring ? 1000 + ahead_ms : kNoExpiry);
    return tally.worthwhile_ms() - 1000;
  };
  EXPECT_EQ(of(1, 10), 125);
  EXPECT_EQ(of(125, 10), 125);
  EXPECT_EQ(of(126, 10), 250);
  EXPECT_EQ(of(3000, 1280), 4000);
  EXPECT_EQ(of(3000, 9), ExpiryTally::kMostPauseMs);
  EXPECT_EQ(of(100'000, 1280), ExpiryTally::kMostPauseMs);
}

TEST(ExpiryTallyTest, SaysWhenToLookAgainAtWhatWasNotSure) {
  ExpiryTally tally(1000);
  EXPECT_EQ(tally.earliest_ms(), kNoExpiry);
  tally.look_again_at(2000);
  tally.note(3000);
  EXPECT_EQ(tally.earliest_ms(), 2000);
}

}  // namespace
}  // namespace strata::cache
