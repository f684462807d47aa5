#include <map>
#include <set>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class ScanTest : public CacheTest {
 protected:
  // One call; what it visits is counted in `seen`.
  std::uint64_t step(std::uint64_t cursor, std::size_t at_least, std::size_t max_buckets = 1000) {
    return cache->scan(*session, 0, cursor, at_least, max_buckets,
                       [&](std::string_view key, const ItemView&) { ++seen[std::string(key)]; });
  }
  static std::string name(int i) { return "key" + std::to_string(i); }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(set(name(i), "value"), Status::ok);
  }
  void drop(int from, int to) {
    for (int i = from; i < to; ++i) remove(name(i));
  }
  void expect_once(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(seen[name(i)], 1) << name(i);
  }

  std::map<std::string, int> seen;
};

TEST_F(ScanTest, VisitsEverythingOnce) {
  fill(0, 10'000);
  set("elsewhere", "value", kNoExpiry, 1);
  std::uint64_t cursor = 0;
  int calls = 0;
  do {
    const std::uint64_t next = step(cursor, 10);
    ASSERT_TRUE(next == 0 || next > cursor);
    ASSERT_LT(next, 1ULL << 53U);
    cursor = next;
    ++calls;
  } while (cursor != 0);
  expect_once(0, 10'000);
  EXPECT_EQ(seen.size(), 10'000U);
  EXPECT_LE(calls, 1001);
}

TEST_F(ScanTest, ShowsValueAndExpiryAndNothingExpired) {
  set("stays", "value", now() + 10'000);
  set("goes", "value", now() + 10);
  advance(20);
  std::vector<std::string> keys;
  EXPECT_EQ(cache->scan(*session, 0, 0, 100, 1000,
                        [&](std::string_view key, const ItemView& item) {
                          keys.emplace_back(key);
                          EXPECT_EQ(item.value, "value");
                          EXPECT_EQ(item.expire_at_ms, now() + 9980);
                        }),
            0U);
  EXPECT_EQ(keys, std::vector<std::string>{"stays"});
}

TEST_F(ScanTest, LooksAtAFewBucketsOnly) {
  fill(0, 1);
  std::uint64_t cursor = 0;
  int calls = 0;
  do {
    cursor = step(cursor, 10, 1);
    ++calls;
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_GT(calls, 255);  // one shard each, and its table's buckets one by one
}

TEST_F(ScanTest, StrangeCursorsEnd) {
  fill(0, 100);
  EXPECT_EQ(step(1ULL << 53U, 10), 0U);
  EXPECT_EQ(step(~0ULL, 10), 0U);
  EXPECT_EQ(step((1ULL << 53U) - 1, 10), 0U);
}

TEST_F(ScanTest, OnceEachWhileTheTableGrows) {
  fill(0, 2000);
  std::uint64_t cursor = 0;
  int added = 10'000;
  do {
    cursor = step(cursor, 400);
    fill(added, added + 400);
    added += 400;
  } while (cursor != 0);
  expect_once(0, 2000);
  for (const auto& [key, times] : seen) ASSERT_EQ(times, 1) << key;
  EXPECT_GT(added, 12'000);
}

TEST_F(ScanTest, OnceEachWhileTheTableShrinks) {
  fill(0, 60'000);
  std::uint64_t cursor = 0;
  int dropped = 1000;
  do {
    cursor = step(cursor, 300);
    const int until = std::min(dropped + 2000, 60'000);
    drop(dropped, until);
    dropped = until;
  } while (cursor != 0);
  EXPECT_EQ(dropped, 60'000);
  expect_once(0, 1000);
  for (const auto& [key, times] : seen) ASSERT_EQ(times, 1) << key;
}

TEST_F(ScanTest, OnceEachWhenTheTableShrinksUnderTheCursor) {
  for (int steps = 1; steps <= 12; ++steps) {
    fill(0, 30'000);
    seen.clear();
    std::uint64_t cursor = 0;
    for (int i = 0; i < steps; ++i) cursor = step(cursor, 11);  // ends in the middle of a shard
    drop(2000, 30'000);
    upkeep();  // finishes the shrinking: the cursor now lies within a bucket
    while (cursor != 0) cursor = step(cursor, 11);
    expect_once(0, 2000);
    for (const auto& [key, times] : seen) ASSERT_EQ(times, 1) << key << " after " << steps;
  }
}

TEST_F(ScanTest, OnceEachWhileItComesAndGoes) {
  fill(0, 3000);
  std::uint64_t cursor = 0;
  int round = 0;
  do {
    cursor = step(cursor, 200);
    const int base = 10'000 + (round % 2) * 40'000;
    if (round % 4 < 2) {
      fill(base, base + 3000);
    } else {
      drop(base, base + 3000);
    }
    ++round;
  } while (cursor != 0);
  expect_once(0, 3000);
}

}  // namespace
}  // namespace strata::cache
