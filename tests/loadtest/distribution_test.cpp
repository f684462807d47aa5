#include "loadtest/workload/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace strata::loadtest {
namespace {

std::vector<std::uint64_t> draw(Distribution& distribution, std::uint64_t count, std::uint64_t draws, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint64_t> seen(count);
  for (std::uint64_t i = 0; i < draws; ++i) ++seen.at(distribution.next(random));
  return seen;
}

// Pearson's statistic, as deviations from its mean: about normal for many degrees of freedom (Wilson, Hilferty 1931 is finer).
double chi_square_deviation(const std::vector<std::uint64_t>& seen, const std::vector<double>& expected) {
  double statistic = 0;
  double observed_tail = 0;
  double expected_tail = 0;
  std::size_t cells = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    observed_tail += static_cast<double>(seen[i]);
    expected_tail += expected[i];
    // Rare ranks are taken together until they are expected often enough for the statistic to hold.
    if (expected_tail < 20 && i + 1 < seen.size()) continue;
    statistic += (observed_tail - expected_tail) * (observed_tail - expected_tail) / expected_tail;
    observed_tail = expected_tail = 0;
    ++cells;
  }
  const auto freedom = static_cast<double>(cells - 1);
  return (statistic - freedom) / std::sqrt(2 * freedom);
}

std::vector<double> zipf_expectation(std::uint64_t count, double alpha, double draws) {
  std::vector<double> expected(count);
  double sum = 0;
  for (std::uint64_t rank = 0; rank < count; ++rank) sum += expected[rank] = std::pow(static_cast<double>(rank + 1), -alpha);
  for (double& value : expected) value *= draws / sum;
  return expected;
}

class ZipfShape : public testing::TestWithParam<double> {};

TEST_P(ZipfShape, FollowsTheLaw) {
  constexpr std::uint64_t kCount = 1000;
  constexpr std::uint64_t kDraws = 1'000'000;
  Zipf zipf(kCount, GetParam());
  const double deviation = chi_square_deviation(draw(zipf, kCount, kDraws, 42), zipf_expectation(kCount, GetParam(), kDraws));
  EXPECT_LT(std::abs(deviation), 4) << "one in ten thousand correct generators would fail with some seed";
}

TEST_P(ZipfShape, AnotherExponentIsRefuted) {
  constexpr std::uint64_t kCount = 1000;
  constexpr std::uint64_t kDraws = 1'000'000;
  Zipf zipf(kCount, GetParam() + 0.02);
  EXPECT_GT(chi_square_deviation(draw(zipf, kCount, kDraws, 42), zipf_expectation(kCount, GetParam(), kDraws)), 4);
}

INSTANTIATE_TEST_SUITE_P(Exponents, ZipfShape, testing::Values(0.0, 0.3048, 0.7, 0.99, 1.0, 1.2, 1.611));

TEST(Zipf, OneKey) {
  Zipf zipf(1, 0.99);
  Random random(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(zipf.next(random), 0U);
}

std::unique_ptr<Distribution> parse(std::string_view text, std::uint64_t count = 100) {
  std::string problem;
  auto distribution = Distribution::parse(text, count, 0, 1, problem);
  EXPECT_TRUE(distribution) << problem;
  return distribution;
}

TEST(Distribution, UniformIsUniform) {
  const auto uniform = parse("uniform");
  EXPECT_LT(std::abs(chi_square_deviation(draw(*uniform, 100, 100'000, 3), std::vector<double>(100, 1000.0))), 4);
}

TEST(Distribution, HotSetGetsItsShare) {
  const auto hot_set = parse("hotset:0.1:0.9");
  const auto seen = draw(*hot_set, 100, 100'000, 3);
  std::uint64_t hot = 0;
  for (std::size_t i = 0; i < 10; ++i) hot += seen[i];
  EXPECT_NEAR(static_cast<double>(hot), 90'000, 500);
}

TEST(Distribution, GaussianFallsOffWithItsDeviation) {
  const auto gaussian = parse("gaussian:0.1");
  const auto seen = draw(*gaussian, 100, 100'000, 3);
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < 10; ++i) within += seen[i];
  EXPECT_NEAR(static_cast<double>(within), 68'270, 700) << "one deviation";
}

TEST(Distribution, SequentialThreadsShareTheKeys) {
  std::string problem;
  Random random(1);
  std::vector<int> seen(10);
  for (std::uint64_t thread = 0; thread < 3; ++thread) {
    const auto sequential = Distribution::parse("sequential", 10, thread, 3, problem);
    const std::uint64_t own = (10 - thread + 2) / 3;
    for (std::uint64_t i = 0; i < own; ++i) ++seen[sequential->next(random)];
    EXPECT_EQ(sequential->next(random), thread) << "begins again";
  }
  EXPECT_EQ(seen, std::vector<int>(10, 1));
}

TEST(Distribution, RefusesWhatIsNone) {
  for (const char* text : {"", "zipf", "zipf:-1", "zipf:11", "zipf:x", "zipf:0.9:1", "gaussian:0", "hotset:0.1", "hotset:0:1",
                           "hotset:1.1:0.5", "uniform:1"}) {
    std::string problem;
    EXPECT_FALSE(Distribution::parse(text, 100, 0, 1, problem)) << text;
    EXPECT_NE(problem.find("allowed"), std::string::npos) << text;
  }
  std::string problem;
  EXPECT_FALSE(Distribution::parse("zpf:1", 100, 0, 1, problem));
  EXPECT_NE(problem.find("did you mean zipf?"), std::string::npos) << problem;
}

}  // namespace
}  // namespace strata::loadtest
