#include <array>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

using UpdateManyTest = CacheTest;

TEST_F(UpdateManyTest, ASecondMentionSeesTheFirstChange) {
  const std::array keys{cache->key(0, "a"), cache->key(0, "b"), cache->key(0, "a"), cache->key(0, "a")};
  std::vector<std::string> seen;
  const Status status = cache->update_many(*session, keys, 0, [&](std::size_t i, Decision& decision) {
    seen.emplace_back(decision.current() != nullptr ? decision.current()->value : "-");
    if (i == 0) decision.put("first", kNoExpiry);
    if (i == 1) decision.put("other", kNoExpiry);
    if (i == 2) decision.remove();
  });
  EXPECT_EQ(status, Status::ok);
  EXPECT_EQ(seen, (std::vector<std::string>{"-", "-", "first", "-"}));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(get("b"), "other");
}

TEST_F(UpdateManyTest, NothingIsChangedWhenOneDoesNotFit) {
  open({.max_memory_bytes = 2ULL << 20U, .policy = Policy::noeviction});  // half of it is the empty index
  set("replaced", "old");
  set("removed", "old", now() + 5000);
  set("renewed", "old", now() + 7000);
  set("large", std::string(20'000, 'l'));
  const std::string huge(4U << 20U, 'h');
  const std::array keys{cache->key(0, "replaced"), cache->key(0, "new"),     cache->key(0, "removed"), cache->key(0, "renewed"),
                        cache->key(0, "large"),    cache->key(0, "removed"), cache->key(0, "new"),     cache->key(0, "last")};
  const auto decide = [&](std::size_t i, Decision& decision) {
    switch (i) {
      case 0: decision.put("NEW", kNoExpiry); break;
      case 1: decision.put("NEW", now() + 1); break;
      case 2: decision.remove(); break;
      case 3: decision.set_expiry(kNoExpiry); break;
      case 4: decision.put(decision.current()->value, "tail", kNoExpiry); break;
      case 5: decision.put("again", kNoExpiry); break;
      case 6: decision.remove(); break;
      default: decision.put(huge, kNoExpiry);
    }
  };
  EXPECT_EQ(cache->update_many(*session, keys, 0, decide), Status::out_of_memory);
  EXPECT_EQ(get("replaced"), "old");
  EXPECT_FALSE(exists("new"));
  EXPECT_EQ(get("removed"), "old");
  EXPECT_EQ(get("large"), std::string(20'000, 'l'));
  EXPECT_FALSE(exists("last"));
  std::int64_t expire_at_ms = 0;
  cache->peek(*session, cache->key(0, "renewed"), [&](const ItemView& item) { expire_at_ms = item.expire_at_ms; });
  EXPECT_EQ(expire_at_ms, now() + 7000);
  EXPECT_EQ(cache->size(0).with_expiry, 2U);
  EXPECT_EQ(cache->statistics().eviction_refusals, 1U);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(UpdateManyTest, MakesRoomForAllOfIt) {
  open({.max_memory_bytes = 8ULL << 20U});
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(set("old" + std::to_string(i), std::string(1000, 'v')), Status::ok);
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(1000);
  for (int i = 0; i < 1000; ++i) pairs.emplace_back("new" + std::to_string(i), std::string(2000, 'w'));
  advance(60'000);
  EXPECT_EQ(set_many(pairs, 1000UL * 2000), Status::ok);
  int there = 0;
  for (const auto& [key, value] : pairs) there += exists(key);
  EXPECT_GT(there, 950);
  EXPECT_LE(cache->budget().total_bytes(), cache->budget().limit_bytes());
  EXPECT_LE(cache->budget().peak_bytes(), cache->budget().limit_bytes() + 200'000);
}

// What one of the keys sends aside in a full table may be what another replaces.
TEST_F(UpdateManyTest, InsertsBesideReplacements) {
  constexpr int kOld = 100'000;
  constexpr int kBatch = 500;
  for (int i = 0; i < kOld; ++i) ASSERT_EQ(set("old" + std::to_string(i), "0"), Status::ok);
  const std::uint64_t before = cache->index_statistics().sent_aside;
  for (int batch = 0; batch < 200; ++batch) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = 0; i < kBatch; ++i) {
      pairs.emplace_back("new" + std::to_string(i) + "." + std::to_string(batch), "new");
      pairs.emplace_back("old" + std::to_string((batch * kBatch + i) % kOld), std::to_string(batch + 1));
    }
    ASSERT_EQ(set_many(pairs), Status::ok);
    for (int i = 0; i < kBatch; ++i) ASSERT_TRUE(remove("new" + std::to_string(i) + "." + std::to_string(batch)));
  }
  EXPECT_GT(cache->index_statistics().sent_aside, before + 100);
  for (int i = 0; i < kOld; ++i) ASSERT_EQ(get("old" + std::to_string(i)), std::to_string(i / kBatch + 1)) << i;
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(UpdateManyTest, NoKeysIsFine) {
  EXPECT_EQ(set_many({}), Status::ok);
  cache->read_many(*session, {}, [](std::size_t, const ItemView*) { FAIL(); });
}

// At the limit, where nothing may be evicted.
TEST_F(UpdateManyTest, WhatTakesOverIsAdmittedAtTheLimit) {
  open({.max_memory_bytes = 16U << 20U, .policy = Policy::noeviction});
  const std::string value(1000, 'v');
  ASSERT_EQ(set("from", value), Status::ok);
  std::size_t items = 0;
  for (const std::size_t size : {1000U, 100U, 0U}) {
    while (set("key" + std::to_string(items), std::string(size, 'v')) == Status::ok) ++items;
  }
  const std::array keys{cache->key(0, "from"), cache->key(0, "another name")};
  const auto move = [&](bool takes_over) {
    return cache->update_many(*session, keys, 0, [&](std::size_t i, Decision& decision) {
      if (i == 0) return decision.remove();
      decision.put(value, kNoExpiry);
      if (takes_over) decision.takes_over();
    });
  };
  EXPECT_EQ(move(false), Status::out_of_memory);
  EXPECT_EQ(get("from"), value);
  EXPECT_EQ(move(true), Status::ok);
  EXPECT_EQ(get("from"), std::nullopt);
  EXPECT_EQ(get("another name"), value);
}

}  // namespace
}  // namespace strata::cache
