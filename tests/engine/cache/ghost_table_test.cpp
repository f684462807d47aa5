#include "engine/cache/ghost_table.h"

#include <gtest/gtest.h>

#include "engine/cache/hash.h"
#include "engine/os/memory_calls.h"

namespace strata::cache {
namespace {

class GhostTableTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMost = std::uint64_t{16} << 20U;
  GhostTableTest() { EXPECT_EQ(table.reserve(os::linux_memory_calls(), kMost), std::errc{}); }

  static std::uint64_t hash(std::uint64_t number) { return hash_of({reinterpret_cast<const char*>(&number), sizeof number}, 99); }
  std::uint64_t count(std::uint64_t from, std::uint64_t to) {
    std::uint64_t found = 0;
    for (std::uint64_t number = from; number < to; ++number) found += table.find(hash(number)).found ? 1U : 0U;
    return found;
  }

  Budget budget;
  GhostTable table{budget};
};

TEST_F(GhostTableTest, KnowsNothingBeforeItHasASize) {
  table.add(hash(1), Gone::evicted);
  EXPECT_FALSE(table.find(hash(1)).found);
  EXPECT_EQ(table.capacity(), 0U);
  EXPECT_EQ(budget.total_bytes(), 0U);
}

TEST_F(GhostTableTest, TellsTheCauseUntilTheKeyIsThereAgain) {
  table.resize(1000, kMost);
  for (std::uint64_t number = 0; number < 500; ++number) table.add(hash(number), static_cast<Gone>(number % kGoneCauses));
  std::uint64_t wrong = 0;
  for (std::uint64_t number = 0; number < 500; ++number) {
    const GhostTable::Found found = table.find(hash(number));
    ASSERT_TRUE(found.found);
    wrong += found.cause == static_cast<Gone>(number % kGoneCauses) ? 0U : 1U;
  }
  EXPECT_LE(wrong, 3U);  // marks that two keys of a bucket share
  table.remove(hash(7));
  EXPECT_FALSE(table.find(hash(7)).found);
}

// All keys share one bucket, of 31 places that are taken round and round.
TEST_F(GhostTableTest, TellsTheLastCauseOfAKeyThatWentSeveralTimes) {
  table.resize(31, kMost);
  for (std::uint64_t others = 0; others < 64; ++others) {
    table.add(hash(1), Gone::evicted);
    for (std::uint64_t other = 0; other < others % 29; ++other) table.add(hash(100 + other), Gone::flushed);
    table.add(hash(1), Gone::expired);
    const GhostTable::Found found = table.find(hash(1));
    ASSERT_TRUE(found.found);
    EXPECT_EQ(found.cause, Gone::expired) << others;
  }
}

TEST_F(GhostTableTest, RemembersTheLastOnesAndTakesFewForOthers) {
  constexpr std::uint64_t kKeys = 100'000;
  table.resize(kKeys, kMost);
  EXPECT_GE(table.capacity(), kKeys);
  EXPECT_LE(budget.bytes(Purpose::policy), kKeys * 21 / 10 + 4096);
  for (std::uint64_t number = 0; number < 4 * kKeys; ++number) table.add(hash(number), Gone::evicted);
  EXPECT_GT(count(4 * kKeys - kKeys / 2, 4 * kKeys), kKeys / 2 * 98 / 100);
  EXPECT_LT(count(0, kKeys), kKeys / 20);
  // 31 of 2^13 at most.
  EXPECT_LT(count(10 * kKeys, 20 * kKeys), 10 * kKeys * 40 / 10'000);
}

TEST_F(GhostTableTest, StaysWithinWhatItMayTake) {
  table.resize(100'000'000, std::uint64_t{1} << 20U);
  EXPECT_EQ(budget.bytes(Purpose::policy), std::uint64_t{1} << 20U);
  table.add(hash(1), Gone::expired);
  EXPECT_TRUE(table.find(hash(1)).found);
  table.resize(100'000'000, ~std::uint64_t{0});
  EXPECT_EQ(budget.bytes(Purpose::policy), kMost);
  EXPECT_FALSE(table.find(hash(1)).found) << "another size is another table";
  table.resize(0, kMost);
  EXPECT_EQ(budget.bytes(Purpose::policy), 0U);
  EXPECT_EQ(table.capacity(), 0U);
}

}  // namespace
}  // namespace strata::cache
