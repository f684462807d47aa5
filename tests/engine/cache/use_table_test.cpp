#include "engine/cache/use_table.h"

#include <gtest/gtest.h>

#include <utility>

#include "engine/cache/eviction_pool.h"
#include "engine/os/memory_calls.h"

namespace strata::cache {
namespace {

class UseTableTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kEnd = std::uint64_t{1} << 30U;
  static constexpr std::uint64_t kItemBytes = 100;  // one cell of 64 B each, at least
  static constexpr std::uint32_t kItems = 6400;     // a hundred keys a step

  UseTableTest() { EXPECT_EQ(table.reserve(os::linux_memory_calls(), kEnd), std::errc{}); }

  static std::uint64_t offset(std::uint64_t item) { return (item + 1) * kItemBytes; }
  void choose(UseTable::Keeps keeps) {
    table.choose(keeps);
    table.fit(kItems, kItems * kItemBytes);
  }
  void pass(std::uint32_t quarters) {
    for (std::uint32_t step = 0; step < quarters * UseTable::kStepsPerRound / 4; ++step) table.count_new(kItems / 64);
  }

  Budget budget;
  UseTable table{budget};
};

TEST_F(UseTableTest, RanksByTheLastUse) {
  choose(UseTable::Keeps::recency);
  table.begin(offset(1));
  pass(1);
  table.begin(offset(2));
  table.begin(offset(3));
  pass(1);
  table.use(offset(2), 0);
  EXPECT_EQ(table.rank(offset(1)), 32U);
  EXPECT_EQ(table.rank(offset(2)), 0U);
  EXPECT_EQ(table.rank(offset(3)), 16U);
  EXPECT_GE(table.rank(offset(4)), 64U) << "what came before the table is older than all";
  EXPECT_EQ(table.rank(kEnd - 4), UseTable::kLargestRank) << "no byte";
}

TEST_F(UseTableTest, CountsUsesByTheirLogarithm) {
  choose(UseTable::Keeps::frequency);
  table.begin(offset(1));
  EXPECT_EQ(table.use_of(offset(1)).uses, 1U);
  std::uint64_t random = 1;
  const auto next = [&random] { return random = random * 6364136223846793005ULL + 1442695040888963407ULL; };
  for (int i = 0; i < 1000; ++i) table.use(offset(1), next());
  EXPECT_GE(table.use_of(offset(1)).uses, 128U);
  EXPECT_LE(table.use_of(offset(1)).uses, 8192U);
  for (int i = 0; i < 1'000'000; ++i) table.use(offset(1), next());
  EXPECT_EQ(table.use_of(offset(1)).uses, 16384U) << "it saturates";
}

TEST_F(UseTableTest, UsesCanBeSaid) {
  choose(UseTable::Keeps::frequency);
  table.begin(offset(1));
  for (const auto& [said, kept] : {std::pair{0U, 0U}, {1U, 1U}, {2U, 2U}, {7U, 4U}, {200U, 128U}, {255U, 128U}, {~0U, 16384U}}) {
    table.set_uses(offset(1), said);
    EXPECT_EQ(table.use_of(offset(1)).uses, kept) << said;
  }
}

TEST_F(UseTableTest, UsesCountHalfAfterARoundWithoutOne) {
  choose(UseTable::Keeps::frequency);
  table.begin(offset(1));
  for (int i = 0; i < 3; ++i) table.use(offset(1), 0);  // each of them counts
  EXPECT_EQ(table.use_of(offset(1)).uses, 8U);
  const UseTable::Rank at_first = table.rank(offset(1));
  pass(3);
  EXPECT_EQ(table.use_of(offset(1)).uses, 8U);
  EXPECT_EQ(table.use_of(offset(1)).idle_quarters, 3U);
  EXPECT_GT(table.rank(offset(1)), at_first);
  pass(1);
  EXPECT_EQ(table.use_of(offset(1)).uses, 4U);
  // Looked at now and then it does not begin anew after four rounds.
  for (int quarter = 0; quarter < 20; ++quarter) {
    pass(1);
    (void)table.rank(offset(1));
  }
  EXPECT_EQ(table.use_of(offset(1)).uses, 0U);
}

TEST_F(UseTableTest, WhatIsKnownFollowsAnItem) {
  choose(UseTable::Keeps::frequency);
  table.begin(offset(1));
  for (int i = 0; i < 3; ++i) table.use(offset(1), 0);
  table.follow(offset(1), offset(100'000));  // in a page that was not in use
  EXPECT_EQ(table.use_of(offset(100'000)).uses, 8U);
}

TEST_F(UseTableTest, TakesOneOrTwoBytesAnItemAndGivesThemBack) {
  choose(UseTable::Keeps::recency);
  for (std::uint64_t item = 0; item < 100'000; ++item) table.begin(offset(item));
  EXPECT_GE(budget.bytes(Purpose::policy), 100'000U);
  EXPECT_LE(budget.bytes(Purpose::policy), 200'000U);
  table.choose(UseTable::Keeps::nothing);
  EXPECT_EQ(budget.bytes(Purpose::policy), 0U);
  table.begin(offset(1));
  EXPECT_EQ(budget.bytes(Purpose::policy), 0U);
  choose(UseTable::Keeps::frequency);
  table.begin(offset(2));
  EXPECT_EQ(table.use_of(offset(1)).uses, 0U) << "it does not remember";
}

TEST_F(UseTableTest, CellsGrowWithTheItems) {
  table.choose(UseTable::Keeps::recency);
  table.fit(1000, 1000 * 1000);
  EXPECT_EQ(table.cell_bytes(), 512U);
  table.begin(offset(1));
  table.fit(1000, 1000 * 1500);  // little more: nothing is forgotten
  EXPECT_EQ(table.cell_bytes(), 512U);
  EXPECT_EQ(table.rank(offset(1)), 0U);
  table.fit(1000, 1000 * 5000);
  EXPECT_EQ(table.cell_bytes(), 4096U);
  EXPECT_EQ(budget.bytes(Purpose::policy), 0U);
}

TEST(EvictionPool, KeepsTheBestAndGivesThemInOrder) {
  EvictionPool pool;
  for (std::uint32_t n = 1; n <= 40; ++n) {
    const UseTable::Rank rank = n * 7 % 41;
    if (pool.takes(rank, n)) pool.add({.hash = n, .offset = n, .rank = rank});
  }
  EXPECT_FALSE(pool.takes(1, 99)) << "it is full of better ones";
  for (UseTable::Rank rank = 40; rank > 24; --rank) {
    const auto best = pool.take();
    ASSERT_TRUE(best);
    EXPECT_EQ(best->rank, rank);
  }
  EXPECT_FALSE(pool.take());
  pool.add({.hash = 1, .offset = 5, .rank = 3});
  EXPECT_FALSE(pool.takes(9, 5)) << "once each";
}

}  // namespace
}  // namespace strata::cache
