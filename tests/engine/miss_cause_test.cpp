#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class MissCauseTest : public CacheTest {
 protected:
  static std::string name(int i) { return "key" + std::to_string(i); }
  void fill(int from, int to, std::int64_t expire_at_ms = kNoExpiry) {
    for (int i = from; i < to; ++i) ASSERT_EQ(set(name(i), std::string(500, 'v'), expire_at_ms), Status::ok);
  }
  // Asks for keys that are all gone, one by one and several at once.
  Statistics ask(int from, int to) {
    cache->reset_statistics();
    std::vector<std::string> names;
    std::vector<Key> keys;
    for (int i = from; i < to; ++i) names.push_back(name(i));
    for (const std::string& text : names) keys.push_back(cache->key(0, text));
    const std::size_t half = keys.size() / 2;
    for (std::size_t i = 0; i < half; ++i) EXPECT_FALSE(cache->read(*session, keys[i], [](const ItemView&) {}));
    cache->read_many(*session, std::span(keys).subspan(half),
                     [](std::size_t, const ItemView* item) { EXPECT_EQ(item, nullptr); });
    const Statistics told = cache->statistics();
    EXPECT_EQ(told.misses, static_cast<std::uint64_t>(to - from));
    return told;
  }
};

TEST_F(MissCauseTest, NeverSeen) {
  fill(0, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(remove(name(i)));
  const Statistics told = ask(100'000, 110'000);
  EXPECT_GE(told.misses_never_seen(), 9'950U);  // 0.38 % are taken for others
}

TEST_F(MissCauseTest, Removed) {
  fill(0, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(remove(name(i)));
  EXPECT_GE(ask(0, 1000).misses_removed, 990U);
}

TEST_F(MissCauseTest, Expired) {
  fill(0, 500, now() + 1000);
  fill(500, 1000, now() + 1000);
  advance(2000);
  // Half of them are found expired by who asks, the others by upkeep.
  for (int i = 0; i < 500; ++i) ASSERT_FALSE(get(name(i)));
  EXPECT_GE(cache->statistics().misses_expired, 480U);
  upkeep();
  ASSERT_EQ(cache->size(0).items, 0U);
  EXPECT_GE(ask(0, 1000).misses_expired, 990U);
}

TEST_F(MissCauseTest, ExpiredWhenItIsRemoved) {
  fill(0, 100, now() + 1000);
  advance(2000);
  for (int i = 0; i < 100; ++i) remove(name(i));
  EXPECT_GE(ask(0, 100).misses_expired, 95U);
}

TEST_F(MissCauseTest, Evicted) {
  for (const Policy policy : {Policy::s3fifo, Policy::clock, Policy::lru, Policy::allkeys_random}) {
    open({.max_memory_bytes = kPlenty, .policy = policy});
    fill(0, 3000);
    limit(cache->budget().total_bytes() / 2, policy);
    upkeep();
    std::vector<int> gone;
    for (int i = 0; i < 3000; ++i) {
      if (!exists(name(i))) gone.push_back(i);
    }
    ASSERT_GE(gone.size(), 500U);
    cache->reset_statistics();
    for (const int i : gone) ASSERT_FALSE(get(name(i)));
    EXPECT_GE(cache->statistics().misses_evicted, gone.size() * 9 / 10) << policy_name(policy);
  }
}

TEST_F(MissCauseTest, Flushed) {
  fill(0, 1000);
  cache->clear(*session, 0, false);
  upkeep();
  EXPECT_GE(ask(0, 1000).misses_flushed, 990U);
}

TEST_F(MissCauseTest, FlushedThroughASwap) {
  fill(0, 1000);
  cache->swap(0, 1);
  cache->clear(*session, 1, false);
  upkeep();
  cache->reset_statistics();
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(get(name(i), 1));
  EXPECT_GE(cache->statistics().misses_flushed, 990U);
}

TEST_F(MissCauseTest, TheLastCauseCounts) {
  fill(0, 100);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(remove(name(i)));
  fill(0, 100, now() + 1000);
  advance(2000);
  upkeep();
  EXPECT_GE(ask(0, 100).misses_expired, 95U);
}

TEST_F(MissCauseTest, TakesLittleMemoryUntilSomethingIsEvicted) {
  limit(kPlenty, Policy::s3fifo);  // which keeps nothing itself while the cache fills
  fill(0, 200'000);
  for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(remove(name(i)));
  EXPECT_LE(cache->budget().bytes(Purpose::policy), 160'000U);
  EXPECT_GT(cache->budget().bytes(Purpose::policy), 0U);
}

}  // namespace
}  // namespace strata::cache
