// The simulator against the miss ratios that a public simulator computed for the recorded traces (golden/miss-ratios.csv).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "tests/golden/golden_data.h"

namespace strata::golden {
namespace {

class GoldenMissRatios : public GoldenData {
 protected:
  // How many rows of the policy were compared.
  int compare(const std::string& policy, double tolerance) {
    int compared = 0;
    for (const GoldenRow& row : rows(policy)) {
      const NumberedTrace& input = trace(row.trace);
      EXPECT_EQ(input.accesses.size(), row.requests) << row.trace;
      EXPECT_EQ(input.objects, row.objects) << row.trace;
      const auto simulator = PolicySimulator::make(policy, input.objects, row.capacity);
      const double ours = miss_ratio(*simulator, input.accesses);
      EXPECT_NEAR(ours, row.miss_ratio, tolerance) << row.trace << ", " << policy << ", " << row.capacity << " objects";
      worst_ = std::max(worst_, std::abs(ours - row.miss_ratio));
      ++compared;
    }
    RecordProperty("worst_difference", fmt::format("{:.5f}", worst_));
    return compared;
  }

  double worst_ = 0;
};

TEST_F(GoldenMissRatios, Fifo) { EXPECT_EQ(compare("fifo", 0.001), 15); }
TEST_F(GoldenMissRatios, Lru) { EXPECT_EQ(compare("lru", 0.001), 15); }
TEST_F(GoldenMissRatios, Clock) { EXPECT_EQ(compare("clock", 0.001), 15); }
TEST_F(GoldenMissRatios, Sieve) { EXPECT_EQ(compare("sieve", 0.001), 15); }
TEST_F(GoldenMissRatios, S3Fifo) { EXPECT_EQ(compare("s3fifo", 0.001), 15); }

TEST(PolicySimulator, UnknownNamesAreRefused) { EXPECT_EQ(PolicySimulator::make("lirs", 10, 5), nullptr); }

// Worked by hand: what separates the policies on the smallest of traces, in a cache of three.
TEST(PolicySimulator, TheSameTraceUnderEachPolicy) {
  const std::vector<Object> accesses = {0, 1, 2, 0, 3, 0, 4, 1, 0};
  const std::map<std::string, int> misses = {{"fifo", 7}, {"lru", 6}, {"clock", 6}, {"sieve", 6}};
  for (const auto& [policy, count] : misses) {
    const auto simulator = PolicySimulator::make(policy, 5, 3);
    EXPECT_DOUBLE_EQ(miss_ratio(*simulator, accesses) * 9, count) << policy;
  }
}

}  // namespace
}  // namespace strata::golden
