#include "engine/pools/budget_optimiser.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace strata::pools {
namespace {

using Samples = std::vector<double>;

constexpr std::uint64_t kStep = 1000;

// At once, and not smoothed: so that each rule can be seen alone.
constexpr BudgetOptimiser::Options kPlain{
    .max_step_bytes = kStep, .unit_bytes = 10, .difference_percent = 20, .rounds = 1, .newest_percent = 100};

BudgetOptimiser::Options plain_but(auto change) {
  BudgetOptimiser::Options options = kPlain;
  change(options);
  return options;
}

std::uint64_t sum(const BudgetOptimiser& optimiser) {
  std::uint64_t total = 0;
  for (std::size_t number = 0; number < optimiser.size(); ++number) total += optimiser.domain(number).budget_bytes;
  return total;
}

TEST(BudgetOptimiser, MovesFromTheLeastToTheMost) {
  BudgetOptimiser optimiser(kPlain);
  for (int count = 0; count < 3; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  const BudgetOptimiser::Move move = optimiser.end_round(Samples{2, 0, 9});
  EXPECT_EQ(move.from, 1U);
  EXPECT_EQ(move.to, 2U);
  EXPECT_EQ(move.bytes, kStep);
  EXPECT_EQ(optimiser.domain(0).budget_bytes, 10'000U);
  EXPECT_EQ(optimiser.domain(1).budget_bytes, 9000U);
  EXPECT_EQ(optimiser.domain(2).budget_bytes, 11'000U);
  EXPECT_EQ(optimiser.moved_bytes(), kStep);
}

TEST(BudgetOptimiser, AMoveIsTheLargerTheMoreTheyDiffer) {
  BudgetOptimiser optimiser(kPlain);
  for (int count = 0; count < 2; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  EXPECT_EQ(optimiser.end_round(Samples{5, 10}).bytes, kStep / 2);
  EXPECT_EQ(optimiser.end_round(Samples{2.5, 10}).bytes, kStep * 3 / 4);
  EXPECT_EQ(optimiser.end_round(Samples{10, 7.5}).bytes, kStep / 4);
}

TEST(BudgetOptimiser, NothingMovesWhereTheyDifferLittle) {
  BudgetOptimiser optimiser(kPlain);
  for (int count = 0; count < 2; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  EXPECT_EQ(optimiser.end_round(Samples{10, 12}).bytes, 0U);
  EXPECT_EQ(optimiser.end_round(Samples{10, 10}).bytes, 0U);
  EXPECT_EQ(optimiser.end_round(Samples{0, 0}).bytes, 0U);
  EXPECT_GT(optimiser.end_round(Samples{10, 12.1}).bytes, 0U);
}

TEST(BudgetOptimiser, NothingMovesBeforeTheDirectionHasLasted) {
  BudgetOptimiser optimiser(plain_but([](auto& options) { options.rounds = 3; }));
  for (int count = 0; count < 2; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(optimiser.end_round(round % 2 == 0 ? Samples{0, 1} : Samples{1, 0}).bytes, 0U) << "to and fro";
  }
  EXPECT_EQ(optimiser.end_round(Samples{0, 1}).bytes, 0U);
  EXPECT_EQ(optimiser.end_round(Samples{0, 1}).bytes, 0U);
  EXPECT_GT(optimiser.end_round(Samples{0, 1}).bytes, 0U);
  EXPECT_GT(optimiser.end_round(Samples{0, 1}).bytes, 0U) << "and goes on as long as it lasts";
  EXPECT_EQ(optimiser.end_round(Samples{1, 1}).bytes, 0U);
  EXPECT_EQ(optimiser.end_round(Samples{0, 1}).bytes, 0U) << "the count begins anew";
}

TEST(BudgetOptimiser, KeepsMinimumMaximumAndSum) {
  BudgetOptimiser optimiser(kPlain);
  (void)optimiser.add({.budget_bytes = 3000, .min_bytes = 1500});
  (void)optimiser.add({.budget_bytes = 3000, .max_bytes = 4300});
  (void)optimiser.add({.budget_bytes = 3000});
  for (int round = 0; round < 10; ++round) {
    (void)optimiser.end_round(Samples{0, 10, 5});
    ASSERT_EQ(sum(optimiser), 9000U);
  }
  EXPECT_EQ(optimiser.domain(0).budget_bytes, 1500U);
  EXPECT_EQ(optimiser.domain(1).budget_bytes, 4300U);
  EXPECT_EQ(optimiser.domain(2).budget_bytes, 3200U) << "the next best has what the best may not have";
}

TEST(BudgetOptimiser, MovesWholeUnits) {
  BudgetOptimiser optimiser(plain_but([](auto& options) { options.unit_bytes = 300; }));
  (void)optimiser.add({.budget_bytes = 3000, .min_bytes = 1900});
  (void)optimiser.add({.budget_bytes = 3000});
  EXPECT_EQ(optimiser.end_round(Samples{0, 1}).bytes, 900U);
  EXPECT_EQ(optimiser.end_round(Samples{0, 1}).bytes, 0U) << "200 bytes are left, less than a unit";
}

TEST(BudgetOptimiser, SmoothsWhatItIsTold) {
  BudgetOptimiser optimiser(plain_but([](auto& options) { options.newest_percent = 25; }));
  for (int count = 0; count < 2; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  (void)optimiser.end_round(Samples{4, 4});
  EXPECT_DOUBLE_EQ(optimiser.marginal_use(0), 4.0) << "the first sample is all there is";
  EXPECT_EQ(optimiser.end_round(Samples{4, 6}).bytes, 0U) << "one round alone";
  EXPECT_DOUBLE_EQ(optimiser.marginal_use(1), 4.5);
  EXPECT_GT(optimiser.end_round(Samples{4, 8}).bytes, 0U);
}

TEST(BudgetOptimiser, RefusesSamplesThatAreNone) {
  BudgetOptimiser optimiser(kPlain);
  for (int count = 0; count < 2; ++count) (void)optimiser.add({.budget_bytes = 10'000});
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Samples& samples : {Samples{0}, Samples{0, 1, 2}, Samples{0, -1}, Samples{0, infinity}, Samples{0, std::nan("")}}) {
    EXPECT_EQ(optimiser.end_round(samples).bytes, 0U);
  }
  EXPECT_EQ(optimiser.rounds(), 0U);
  EXPECT_GT(optimiser.end_round(Samples{0, 1}).bytes, 0U);
}

TEST(BudgetOptimiser, RefusesDomainsAndOptionsThatCannotBe) {
  BudgetOptimiser optimiser(kPlain);
  EXPECT_EQ(optimiser.add({.budget_bytes = 10, .min_bytes = 11}), BudgetOptimiser::kMostDomains);
  EXPECT_EQ(optimiser.add({.budget_bytes = 10, .max_bytes = 9}), BudgetOptimiser::kMostDomains);
  for (std::size_t number = 0; number < BudgetOptimiser::kMostDomains; ++number) EXPECT_EQ(optimiser.add({}), number);
  EXPECT_EQ(optimiser.add({}), BudgetOptimiser::kMostDomains);
  EXPECT_FALSE(optimiser.set_bounds(0, 5, 4));
  EXPECT_FALSE(optimiser.set_bounds(BudgetOptimiser::kMostDomains, 0, 1));
  EXPECT_TRUE(optimiser.set_bounds(0, 5, 6));
  EXPECT_EQ(optimiser.domain(0).budget_bytes, 5U);

  EXPECT_TRUE(BudgetOptimiser::is_valid({}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.unit_bytes = 0}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.max_step_bytes = 10, .unit_bytes = 11}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.max_step_bytes = BudgetOptimiser::kMostStepBytes + 1}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.rounds = 0}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.newest_percent = 0}));
  EXPECT_FALSE(BudgetOptimiser::is_valid({.newest_percent = 101}));
}

// Domains with concave curves of hits: h(b) = w * sqrt(b), of which the marginal use is w / (2 sqrt(b)). Equal marginal use, so the
// most hits, is at budgets by the squares of the weights.
TEST(BudgetOptimiser, ComesToTheBestSplitAndStays) {
  const std::array<double, 3> weights = {1, 2, 3};
  BudgetOptimiser optimiser({.max_step_bytes = 20'000, .unit_bytes = 1000, .difference_percent = 5});
  constexpr std::uint64_t kAll = 14'000'000;
  for (std::size_t number = 0; number < 3; ++number) (void)optimiser.add({.budget_bytes = kAll / 3, .min_bytes = 1000});
  const std::uint64_t all = sum(optimiser);
  std::uint64_t moves_before = 0;
  for (int round = 0; round < 6000; ++round) {
    if (round == 5000) moves_before = optimiser.moves();
    Samples samples;
    for (std::size_t number = 0; number < 3; ++number)
      samples.push_back(weights[number] / (2 * std::sqrt(static_cast<double>(optimiser.domain(number).budget_bytes))));
    (void)optimiser.end_round(samples);
  }
  EXPECT_EQ(sum(optimiser), all);
  for (std::size_t number = 0; number < 3; ++number) {
    const double best = static_cast<double>(all) * weights[number] * weights[number] / 14;
    EXPECT_NEAR(static_cast<double>(optimiser.domain(number).budget_bytes), best, best * 0.12) << number;
  }
  EXPECT_EQ(optimiser.moves(), moves_before) << "moves where nothing is won";
}

}  // namespace
}  // namespace strata::pools
