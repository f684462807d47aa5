// ExpiryRules: lifetimes that are shortened by chance, and lifetimes that a hit begins anew.
#include <algorithm>
#include <set>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class ExpiryRulesTest : public CacheTest {
 protected:
  void rules(const ExpiryRules& rules) {
    cache->apply({.max_memory_bytes = kPlenty, .policy = Policy::allkeys_lru, .eviction_samples = 5, .expiry = rules});
  }
  std::int64_t left(std::string_view key) {
    std::int64_t expiry_ms = 0;
    EXPECT_TRUE(cache->peek(*session, cache->key(0, key), [&](const ItemView& item) { expiry_ms = item.expire_at_ms; })) << key;
    return expiry_ms == kNoExpiry ? -1 : expiry_ms - now();
  }
  Status expire(std::string_view key, std::int64_t expire_at_ms) {
    return cache->update(*session, cache->key(0, key), [&](Decision& decision) { decision.set_expiry(expire_at_ms); });
  }
};

TEST_F(ExpiryRulesTest, JitterShortensByAShare) {
  rules({.jitter_percent = 20});
  std::set<std::int64_t> lifetimes;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    set(key, "v", now() + 100'000);
    lifetimes.insert(left(key));
  }
  EXPECT_LE(*lifetimes.rbegin(), 100'000);
  EXPECT_GT(*lifetimes.rbegin(), 99'000);
  EXPECT_GE(*lifetimes.begin(), 80'000);
  EXPECT_LT(*lifetimes.begin(), 81'000);
  EXPECT_GT(lifetimes.size(), 900U);
  EXPECT_EQ(cache->statistics().expiries_jittered, 1000U);
}

TEST_F(ExpiryRulesTest, JitterLeavesAloneWhatIsKept) {
  rules({.jitter_percent = 90});
  set("key", "v", now() + 1'000'000);
  const std::int64_t before = left("key");
  append("key", "more");
  EXPECT_EQ(left("key"), before);
  set("stays", "v");
  EXPECT_EQ(left("stays"), -1);
  set("soon", "v", now() + 1);
  EXPECT_EQ(left("soon"), 1);
  EXPECT_EQ(set("gone", "v", now() - 1), Status::ok);
  EXPECT_FALSE(exists("gone"));
  // Thousands of years.
  set("far", "v", kNoExpiry - 1);
  EXPECT_GT(left("far"), (kNoExpiry - now()) / 100 * 9);
  EXPECT_EQ(cache->statistics().expiries_jittered, 3U);
}

// To begin a lifetime anew is a write, which makes room where the cache is over its limit: what the others show lies where it lay until all are shown.
TEST_F(ExpiryRulesTest, SeveralAreShownBeforeTheirLifetimesBeginAnew) {
  constexpr int kKeys = 300;
  rules({.is_sliding = true});
  const auto name = [](int i) { return "key" + std::to_string(i); };
  const auto value = [](int i) { return std::string(100, static_cast<char>('a' + i % 26)); };
  for (int i = 0; i < kKeys; ++i) set(name(i), value(i), now() + 100'000);
  advance(50'000);
  cache->apply({.max_memory_bytes = cache->budget().total_bytes() * 2 / 3,
                .policy = Policy::allkeys_random,
                .expiry = {.is_sliding = true}});
  std::vector<std::string> names;
  std::vector<Key> keys;
  for (int i = 0; i < kKeys; ++i) names.push_back(name(i));
  for (const std::string& one : names) keys.push_back(cache->key(0, one));
  {
    const Slice slice(*session);
    cache->read_many(*session, keys, [&](std::size_t i, const ItemView* item) {
      ASSERT_NE(item, nullptr) << i;
      EXPECT_EQ(item->value, value(static_cast<int>(i)));
    });
  }
  EXPECT_GT(cache->statistics().expiries_renewed, 0U);
  EXPECT_GT(cache->statistics().evicted, 0U);
}

TEST_F(ExpiryRulesTest, AHitBeginsASlidingLifetimeAnew) {
  rules({.is_sliding = true});
  set("key", "v", now() + 16'000);
  advance(1000);
  EXPECT_EQ(get("key"), "v");
  EXPECT_EQ(left("key"), 15'000) << "no more than a sixteenth of it is over";
  advance(1);
  EXPECT_TRUE(exists("key"));
  EXPECT_EQ(left("key"), 14'999) << "not a hit";
  EXPECT_EQ(get("key"), "v");
  EXPECT_EQ(left("key"), 16'000);
  advance(8000);
  const Key key = cache->key(0, "key");
  cache->read_many(*session, {&key, 1}, [](std::size_t, const ItemView* item) { EXPECT_NE(item, nullptr); });
  EXPECT_EQ(left("key"), 16'000);
  advance(8000);
  append("key", "more");
  EXPECT_EQ(left("key"), 16'000);
  EXPECT_EQ(cache->statistics().expiries_renewed, 2U);
  for (int i = 0; i < 100; ++i) {
    advance(15'000);
    EXPECT_EQ(get("key"), "vmore");
    EXPECT_EQ(upkeep().expired, 0U);
  }
  advance(16'000);
  EXPECT_EQ(upkeep().expired, 1U);
  EXPECT_EQ(get("key"), std::nullopt);
}

TEST_F(ExpiryRulesTest, AnotherExpiryIsAnotherLifetime) {
  rules({.is_sliding = true});
  set("key", "v", now() + 10'000);
  EXPECT_EQ(expire("key", now() + 50'000), Status::ok);
  advance(40'000);
  EXPECT_EQ(get("key"), "v");
  EXPECT_EQ(left("key"), 50'000);
  EXPECT_EQ(expire("key", kNoExpiry), Status::ok);
  EXPECT_EQ(get("key"), "v");
  EXPECT_EQ(left("key"), -1);
  // 100 days: the item has eight bytes for it.
  constexpr std::int64_t kLong = 100LL * 24 * 3600 * 1000;
  EXPECT_EQ(expire("key", now() + kLong), Status::ok);
  advance(kLong / 2);
  EXPECT_EQ(get("key"), "v");
  EXPECT_EQ(left("key"), kLong);
}

TEST_F(ExpiryRulesTest, TheLifetimeMovesWithTheItem) {
  rules({.jitter_percent = 50, .is_sliding = true});
  set("from", "v", now() + 10'000);
  const std::int64_t lifetime = left("from");
  advance(lifetime / 2);
  const std::array keys{cache->key(0, "from"), cache->key(0, "to")};
  std::int64_t expiry_ms = 0, lifetime_ms = 0;
  EXPECT_EQ(cache->update_many(*session, keys, 0,
                               [&](std::size_t i, Decision& decision) {
                                 if (i == 0) {
                                   expiry_ms = decision.current()->expire_at_ms;
                                   lifetime_ms = decision.current()->lifetime_ms;
                                   decision.remove();
                                 } else {
                                   decision.put("v", expiry_ms);
                                   decision.keep_lifetime(lifetime_ms);
                                 }
                               }),
            Status::ok);
  EXPECT_EQ(left("to"), lifetime - lifetime / 2);
  EXPECT_EQ(get("to"), "v");
  EXPECT_EQ(left("to"), lifetime);
}

TEST_F(ExpiryRulesTest, HoldsOfWhatIsWrittenWhileItIsOn) {
  set("before", "v", now() + 10'000);
  rules({.is_sliding = true});
  set("during", "v", now() + 10'000);
  advance(5000);
  EXPECT_EQ(get("before"), "v");
  EXPECT_EQ(left("before"), 5000);
  EXPECT_EQ(get("during"), "v");
  EXPECT_EQ(left("during"), 10'000);
  rules({});
  advance(5000);
  EXPECT_EQ(get("during"), "v");
  EXPECT_EQ(left("during"), 5000);
  append("during", "more");
  EXPECT_EQ(left("during"), 5000);
}

}  // namespace
}  // namespace strata::cache
