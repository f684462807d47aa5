#include "engine/cache/cache.h"

#include <sys/mman.h>

#include <array>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

TEST_F(CacheTest, KeepsWhatWasPut) {
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(set("a", "1"), Status::ok);
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(set("a", "two"), Status::ok);
  EXPECT_EQ(get("a"), "two");
  EXPECT_TRUE(remove("a"));
  EXPECT_FALSE(remove("a"));
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_F(CacheTest, RemovesAndSaysWhetherItWasThere) {
  const auto was_there = [this](std::string_view key) {
    bool told = false;
    EXPECT_EQ(cache->remove(*session, cache->key(0, key), told), Status::ok);
    return told;
  };
  EXPECT_FALSE(was_there("a"));
  set("a", "1");
  set("b", "2", now() + 1000);
  set("expired", "3", now() + 10);
  EXPECT_TRUE(was_there("a"));
  EXPECT_FALSE(was_there("a"));
  EXPECT_EQ(cache->size(0).with_expiry, 2U);
  advance(20);
  // It is out of the way, and it was not there.
  EXPECT_FALSE(was_there("expired"));
  EXPECT_EQ(cache->statistics().expired, 1U);
  EXPECT_EQ(cache->size(0).items, 1U);
  EXPECT_TRUE(was_there("b"));
  EXPECT_EQ(cache->size(0).items, 0U);
  EXPECT_EQ(cache->size(0).with_expiry, 0U);
  // With the hash of a keyspace that the database was.
  set("a", "1");
  const Key before = cache->key(0, "a");
  cache->clear(*session, 0, false);
  set("a", "anew");
  bool told = false;
  EXPECT_EQ(cache->remove(*session, before, told), Status::ok);
  EXPECT_TRUE(told);
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_F(CacheTest, EmptyAndBinaryKeysAndValues) {
  const std::string odd("\0\xff\r\n\0", 5);
  EXPECT_EQ(set("", ""), Status::ok);
  EXPECT_EQ(set(std::string_view(), std::string_view()), Status::ok);
  EXPECT_EQ(set(odd, odd), Status::ok);
  EXPECT_EQ(get(""), "");
  EXPECT_EQ(get(odd), odd);
  EXPECT_EQ(get(odd.substr(0, 1)), std::nullopt);
  EXPECT_EQ(cache->size(0).items, 2U);
}

TEST_F(CacheTest, NamespacesAreApart) {
  EXPECT_EQ(set("a", "zero", kNoExpiry, 0), Status::ok);
  EXPECT_EQ(set("a", "three", now() + 1000, 3), Status::ok);
  EXPECT_EQ(get("a", 0), "zero");
  EXPECT_EQ(get("a", 1), std::nullopt);
  EXPECT_EQ(get("a", 3), "three");
  EXPECT_EQ(cache->size(0).with_expiry, 0U);
  EXPECT_EQ(cache->size(3).items, 1U);
  EXPECT_EQ(cache->size(3).with_expiry, 1U);
}

TEST_F(CacheTest, DecisionSeesTheCurrentItem) {
  EXPECT_EQ(set("a", "value", now() + 5000), Status::ok);
  advance(1000);
  bool asked = false;
  const Status status = cache->update(*session, cache->key(0, "a"), [&](Decision& decision) {
    ASSERT_NE(decision.current(), nullptr);
    EXPECT_EQ(decision.current()->value, "value");
    EXPECT_EQ(decision.current()->expire_at_ms, now() + 4000);
    asked = true;
  });
  EXPECT_EQ(status, Status::ok);
  EXPECT_TRUE(asked);
  EXPECT_EQ(get("a"), "value");
}

TEST_F(CacheTest, NothingComesOfDecisionsAboutNothing) {
  EXPECT_EQ(cache->update(*session, cache->key(0, "a"), [](Decision& decision) { decision.remove(); }), Status::ok);
  EXPECT_EQ(cache->update(*session, cache->key(0, "a"), [](Decision& decision) { decision.set_expiry(kNoExpiry); }), Status::ok);
  EXPECT_EQ(cache->update(*session, cache->key(0, "a"), [](Decision& decision) { EXPECT_EQ(decision.current(), nullptr); }),
            Status::ok);
  EXPECT_EQ(cache->size(0).items, 0U);
}

TEST_F(CacheTest, NewValueMayBeMadeOfTheOldOne) {
  const auto rewrite = [&](std::string_view (*head)(std::string_view), std::string_view (*tail)(std::string_view)) {
    return cache->update(*session, cache->key(0, "a"), [&](Decision& decision) {
      decision.put(head(decision.current()->value), tail(decision.current()->value), kNoExpiry);
    });
  };
  const auto all = [](std::string_view value) { return value; };
  const auto rest = [](std::string_view value) { return value.substr(1); };
  const auto first = [](std::string_view value) { return value.substr(0, 1); };
  for (const std::size_t size : {3U, 200U, 20'000U, 16'383U, 16'384U, 9'000U}) {
    std::string value(size, 'x');
    for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>('a' + i % 23);
    for (const auto& [head, tail] : {std::pair{+all, +all}, {+rest, +first}, {+first, +all}, {+all, +rest}, {+first, +rest}}) {
      ASSERT_EQ(set("a", value), Status::ok);
      ASSERT_EQ(rewrite(head, tail), Status::ok);
      EXPECT_EQ(get("a"), std::string(head(value)) + std::string(tail(value)));
    }
  }
}

TEST_F(CacheTest, NewValueMayEndWithTheOldOne) {
  for (const std::size_t size : {60U, 9000U}) {
    const std::string old = std::string(size / 2, 'a') + std::string(size / 2, 'b');
    ASSERT_EQ(set("a", old), Status::ok);
    const Status status = cache->update(*session, cache->key(0, "a"), [&](Decision& decision) {
      // Shorter than before, so that it would fit into the old place, where the head would overwrite what the tail needs.
      decision.put("uvwxyz", decision.current()->value.substr(4, size - 8), kNoExpiry);
    });
    EXPECT_EQ(status, Status::ok);
    EXPECT_EQ(get("a"), "uvwxyz" + old.substr(4, size - 8));
  }
}

TEST_F(CacheTest, AppendsPieceByPiece) {
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 40), static_cast<char>('a' + i % 26));
    ASSERT_EQ(append("a", piece), Status::ok);
    expected += piece;
  }
  EXPECT_GT(expected.size(), 2 * kLargeValueBytes);
  EXPECT_EQ(get("a"), expected);
}

TEST_F(CacheTest, AppendingToALargeValueSeldomMovesIt) {
  ASSERT_EQ(set("a", std::string(kLargeValueBytes, 'x')), Status::ok);
  const char* place = nullptr;
  int moves = 0;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(append("a", "0123456789"), Status::ok);
    cache->peek(*session, cache->key(0, "a"), [&](const ItemView& item) {
      moves += item.value.data() != place;
      place = item.value.data();
    });
  }
  EXPECT_LT(moves, 20);  // a quarter of spare room each time: from 16 KiB to 216 KiB in a dozen steps
}

TEST_F(CacheTest, AnOverwrittenValueGivesItsMemoryBack) {
  ASSERT_EQ(set("a", std::string(10'000, 'x')), Status::ok);
  ASSERT_EQ(set("a", "small"), Status::ok);
  EXPECT_EQ(verify(*cache), "");  // brings the account up to date
  EXPECT_LT(cache->budget().bytes(Purpose::items), 1000U);
}

TEST_F(CacheTest, TooLargeChangesNothing) {
  ASSERT_EQ(set("a", "old"), Status::ok);
  // Nobody reads what is refused, so that address space without memory will do.
  void* reserved = mmap(nullptr, kMaxKeyBytes + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(reserved, MAP_FAILED);
  const std::string_view vast(static_cast<const char*>(reserved), kMaxKeyBytes + 1);
  const std::string_view half = vast.substr(0, kMaxValueBytes / 2 + 1);
  const Status status =
      cache->update(*session, cache->key(0, "a"), [&](Decision& decision) { decision.put(half, half, kNoExpiry); });
  EXPECT_EQ(status, Status::too_large);
  EXPECT_EQ(set_many({{"a", "new"}, {"b", "new"}}), Status::ok);
  EXPECT_EQ(get("a"), "new");
  const std::array keys{cache->key(0, "a"), cache->key(0, "c")};
  EXPECT_EQ(cache->update_many(*session, keys, 0,
                               [&](std::size_t i, Decision& decision) {
                                 if (i == 0) decision.put("newer", kNoExpiry);
                                 if (i == 1) decision.put(half, half, kNoExpiry);
                               }),
            Status::too_large);
  EXPECT_EQ(get("a"), "new");
  const std::array vast_key{keys[0], Key{.bytes = vast, .hash = 1, .ns = 0, .keyspace = 0, .place = {}}};
  const auto put = [](Decision& decision) { decision.put("newer", kNoExpiry); };
  EXPECT_EQ(cache->update(*session, vast_key[1], put), Status::too_large);
  EXPECT_EQ(cache->update_many(*session, vast_key, 0, [&](std::size_t, Decision& decision) { put(decision); }),
            Status::too_large);
  EXPECT_EQ(get("a"), "new");
  munmap(reserved, vast.size());
}

TEST_F(CacheTest, ReadManySeesKeysInOrder) {
  set("a", "1");
  set("c", "3");
  const std::array keys{cache->key(0, "a"), cache->key(0, "b"), cache->key(0, "c"), cache->key(0, "a")};
  std::vector<std::string> seen;
  cache->read_many(*session, keys, [&](std::size_t i, const ItemView* item) {
    EXPECT_EQ(i, seen.size());
    seen.emplace_back(item == nullptr ? "-" : item->value);
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "-", "3", "1"}));
  EXPECT_EQ(cache->statistics().hits, 3U);
  EXPECT_EQ(cache->statistics().misses, 1U);
}

TEST_F(CacheTest, StatisticsOutliveSessionsAndAreReset) {
  set("a", "1");
  get("a");
  get("b");
  exists("a");
  {
    const auto other = cache->open_session();
    other->set_now_ms(now());
    cache->read(*other, cache->key(0, "a"), [](const ItemView&) {});
    cache->count_lookup(*other, cache->key(0, "c"), false);
    EXPECT_EQ(other->counters().hits.get(), 1U);
    EXPECT_EQ(other->counters().misses.get(), 1U);
  }
  EXPECT_EQ(cache->statistics().hits, 2U);
  EXPECT_EQ(cache->statistics().misses, 2U);
  cache->reset_statistics();
  EXPECT_EQ(cache->statistics().hits, 0U);
  get("a");
  EXPECT_EQ(cache->statistics().hits, 1U);
}

TEST_F(CacheTest, OptionsAndTunablesAreKeptInRange) {
  const Cache other({.namespaces = 100'000, .hash_seed = 1}, {.max_memory_bytes = 1 << 20, .eviction_samples = 0});
  EXPECT_EQ(other.options().namespaces, 128U);
  EXPECT_EQ(other.tunables().eviction_samples, 1U);
  EXPECT_EQ(other.tunables().max_memory_bytes, 1U << 20U);
}

TEST(Policy, NamesGoBothWays) {
  for (int number = 0; number <= static_cast<int>(Policy::custom); ++number) {
    const auto policy = static_cast<Policy>(number);
    EXPECT_FALSE(policy_name(policy).empty());
    EXPECT_EQ(policy_from_name(policy_name(policy)), policy);
  }
  EXPECT_EQ(policy_name(Policy::volatile_ttl), "volatile-ttl");
  EXPECT_EQ(policy_from_name("ttl"), Policy::volatile_ttl);
  EXPECT_EQ(policy_from_name("random"), Policy::allkeys_random);
  EXPECT_EQ(policy_from_name("lfu"), Policy::allkeys_lfu);
  EXPECT_EQ(policy_from_name("arc"), std::nullopt);
  EXPECT_EQ(policy_from_name(""), std::nullopt);
}

TEST(Hash, DependsOnTheSeed) {
  const Cache first({.hash_seed = 1}, {});
  const Cache second({.hash_seed = 2}, {});
  EXPECT_NE(first.key(0, "key").hash, second.key(0, "key").hash);
  EXPECT_NE(first.key(0, "key").hash, first.key(1, "key").hash);
}

TEST(Budget, CountsByPurposeAndKeepsThePeak) {
  Budget budget;
  budget.charge(Purpose::items, 100);
  budget.charge(Purpose::client_buffers, 50);
  budget.charge(Purpose::items, -80);
  EXPECT_EQ(budget.bytes(Purpose::items), 20U);
  EXPECT_EQ(budget.total_bytes(), 70U);
  EXPECT_EQ(budget.peak_bytes(), 150U);
  budget.charge(Purpose::items, -30);  // a batch of another shard is still on its way
  EXPECT_EQ(budget.bytes(Purpose::items), 0U);
}

}  // namespace
}  // namespace strata::cache
