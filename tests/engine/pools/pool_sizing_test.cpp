#include "engine/pools/pool_sizing.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace strata::pools {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(PoolSizing, RefusesValuesOutOfRange) {
  EXPECT_TRUE(is_valid({}));
  EXPECT_TRUE(is_valid({.initial_bytes = 5, .max_bytes = 5}));
  EXPECT_FALSE(is_valid({.initial_bytes = 6, .max_bytes = 5}));
  EXPECT_TRUE(is_valid({.growth_percent = 1000}));
  EXPECT_FALSE(is_valid({.growth_percent = 1001}));
  EXPECT_FALSE(is_valid({.shrink_below_percent = 100}));
  EXPECT_FALSE(is_valid({.shrink_after_rounds = 0}));
}

TEST(SizeKeeper, GrowsByItsShareButByWhatIsNeededAtLeast) {
  const SizeKeeper keeper({.growth_percent = 50});
  EXPECT_EQ(keeper.growth(2 * kMiB, 1000), kMiB);
  EXPECT_EQ(keeper.growth(2 * kMiB, 3 * kMiB), 3 * kMiB);
  EXPECT_EQ(keeper.growth(0, 7), 7U);
}

TEST(SizeKeeper, OneRequestPaysForNoMoreThanAStep) {
  const SizeKeeper keeper({.growth_percent = 100});
  EXPECT_EQ(keeper.growth(std::uint64_t{1} << 40, 1000), SizeKeeper::kMostGrowthBytes);
  EXPECT_EQ(keeper.growth(std::numeric_limits<std::uint64_t>::max() / 2, 1000), SizeKeeper::kMostGrowthBytes);
}

TEST(SizeKeeper, KeepsToTheMaximum) {
  SizeKeeper keeper({.max_bytes = 3 * kMiB, .growth_percent = 100});
  EXPECT_EQ(keeper.growth(2 * kMiB, 1000), kMiB);
  EXPECT_EQ(keeper.growth(2 * kMiB, kMiB + 1), 0U);
  EXPECT_EQ(keeper.growth(3 * kMiB, 1), 0U);
  keeper.set_max_bytes(kMiB);
  EXPECT_EQ(keeper.growth(2 * kMiB, 1), 0U) << "holds more than the new maximum";
  keeper.set_max_bytes(0);
  EXPECT_EQ(keeper.growth(2 * kMiB, 1), 2 * kMiB);
}

TEST(SizeKeeper, ShrinksAfterLowRoundsInARow) {
  SizeKeeper keeper({.growth_percent = 50, .shrink_below_percent = 25, .shrink_after_rounds = 3});
  EXPECT_FALSE(keeper.end_round(1000, 100).has_value());
  EXPECT_FALSE(keeper.end_round(1000, 100).has_value());
  EXPECT_FALSE(keeper.end_round(1000, 250).has_value()) << "not below a quarter: the count begins anew";
  EXPECT_FALSE(keeper.end_round(1000, 100).has_value());
  EXPECT_FALSE(keeper.end_round(1000, 100).has_value());
  EXPECT_EQ(keeper.end_round(1000, 100), 150U) << "room for one growth is left";
  EXPECT_FALSE(keeper.end_round(1000, 100).has_value()) << "and waits again";
}

TEST(SizeKeeper, NeverGoesBelowTheInitialSize) {
  SizeKeeper keeper({.initial_bytes = 600, .shrink_after_rounds = 1});
  EXPECT_EQ(keeper.end_round(1000, 0), 600U);
}

TEST(SizeKeeper, ShrinksNotAtAllWhereItIsTurnedOff) {
  SizeKeeper keeper({.shrink_below_percent = 0, .shrink_after_rounds = 1});
  for (int round = 0; round < 10; ++round) EXPECT_FALSE(keeper.end_round(1000, 0).has_value());
}

}  // namespace
}  // namespace strata::pools
