#include "loadtest/report/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "loadtest/random.h"

namespace strata::loadtest {
namespace {

TEST(Histogram, EveryBucketEndsWhereTheNextBegins) {
  for (std::size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    ASSERT_EQ(Histogram::bucket_of(Histogram::upper_end(i)), i);
    ASSERT_EQ(Histogram::bucket_of(Histogram::upper_end(i) + 1), i + 1);
  }
  EXPECT_EQ(Histogram::upper_end(Histogram::kBuckets - 1), Histogram::kLargest);
}

TEST(Histogram, PercentilesAreAtMostOne128thTooLarge) {
  Random random(7);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    // From nanoseconds to minutes, so that every scale is hit.
    values.push_back(static_cast<std::uint64_t>(std::exp(random.unit() * 25)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto told = static_cast<double>(histogram.percentile(share));
    EXPECT_GE(told, exact) << share;
    EXPECT_LE(told, exact * (1 + 1.0 / 128)) << share;
  }
  EXPECT_EQ(histogram.maximum(), values.back());
}

TEST(Histogram, OneValue) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), 0U);
  histogram.add(1'000'003);
  EXPECT_EQ(histogram.percentile(0.0), 1'000'003U) << "never above the maximum";
  EXPECT_EQ(histogram.percentile(1.0), 1'000'003U);
  EXPECT_DOUBLE_EQ(histogram.mean(), 1'000'003);
}

TEST(Histogram, ValuesBeyondTheRangeCountAsItsEnd) {
  Histogram histogram;
  histogram.add(~std::uint64_t{0} / 4);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.percentile(0.5), Histogram::kLargest);
}

TEST(Histogram, ManyAtOnceAreThatMany) {
  Histogram together;
  Histogram single;
  together.add(5000, 64);
  for (int i = 0; i < 64; ++i) single.add(5000);
  EXPECT_EQ(together.count(), single.count());
  EXPECT_DOUBLE_EQ(together.mean(), single.mean());
}

TEST(Histogram, DifferenceOfTwoMoments) {
  Histogram histogram;
  histogram.add(100, 10);
  const Histogram earlier = histogram;
  histogram.add(90'000, 5);
  histogram.add(100, 1);
  const Histogram difference = histogram.since(earlier);
  EXPECT_EQ(difference.count(), 6U);
  EXPECT_EQ(difference.percentile(0.1), 100U);
  EXPECT_GE(difference.maximum(), 90'000U);
  Histogram sum = earlier;
  sum.add(difference);
  EXPECT_EQ(sum.count(), histogram.count());
  EXPECT_EQ(sum.percentile(0.99), histogram.percentile(0.99));
}

}  // namespace
}  // namespace strata::loadtest
