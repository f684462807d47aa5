#include "loadtest/run/open_loop.h"

#include <gtest/gtest.h>

#include <cmath>

namespace strata::loadtest {
namespace {

TEST(Arrivals, UniformOnesAreEven) {
  Arrivals arrivals(1000, false, 1);
  arrivals.start(5'000);
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    EXPECT_EQ(arrivals.next_ns(), 5'000 + i * 1'000'000);
    arrivals.advance();
  }
}

TEST(Arrivals, PoissonOnesHaveTheRateAndTheSpread) {
  constexpr int kCount = 100'000;
  Arrivals arrivals(1000, true, 1);
  arrivals.start(0);
  double sum = 0;
  double squares = 0;
  std::uint64_t last = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto gap = static_cast<double>(arrivals.next_ns() - last);
    last = arrivals.next_ns();
    sum += gap;
    squares += gap * gap;
    arrivals.advance();
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean / 1e6, 1, 0.02);
  // Gaps of a Poisson process deviate by as much as their mean.
  EXPECT_NEAR(std::sqrt(squares / kCount - mean * mean) / mean, 1, 0.02);
}

// What happened in a window of seconds, with the time given by the test.
TEST(RunClock, ForgetsTheWarmUpAndCountsSeconds) {
  Recorder recorder;
  RunClock clock(recorder);
  clock.start(Window{1'000'000'000, 4'000'000'000});
  recorder.add(OperationKind::get, 10, 7);
  recorder.add_error("before");
  clock.pass(1'000'000'000);
  EXPECT_EQ(recorder.latency().count(), 0U);
  EXPECT_EQ(recorder.errors(), 0U);
  recorder.add(OperationKind::get, 10, 3);
  clock.pass(1'999'999'999);
  EXPECT_TRUE(recorder.series().empty());
  clock.pass(2'000'000'000);
  recorder.add(OperationKind::set, 10, 2);
  clock.pass(4'000'000'001);
  clock.finish(4'500'000'000);
  ASSERT_EQ(recorder.series().size(), 4U) << "the third second had no replies, the fourth is the rest";
  const auto replies = [&](std::size_t second) {
    std::uint64_t sum = 0;
    for (const SecondRow::Bucket& bucket : recorder.series()[second].latency) sum += bucket.count;
    return sum;
  };
  EXPECT_EQ(replies(0), 3U);
  EXPECT_EQ(replies(1), 2U);
  EXPECT_EQ(replies(2), 0U);
  EXPECT_EQ(clock.elapsed_ns(), 3'500'000'000U);
}

TEST(Recorder, MergesThreads) {
  Recorder one;
  Recorder other;
  one.add(OperationKind::get, 100, 5);
  one.count(OperationKind::get, {Outcome::hit, {}});
  one.add_error("ERR x", 2);
  one.end_second();
  other.add(OperationKind::get, 100, 1);
  other.add(OperationKind::get, 1'000'000, 1);
  other.count(OperationKind::get, {Outcome::miss, {}});
  other.count(OperationKind::get, {Outcome::error, "ERR x"});
  other.end_second();
  other.end_second();
  one.add(other);
  EXPECT_EQ(one.latency().count(), 7U);
  EXPECT_EQ(one.counts(OperationKind::get).hits, 1U);
  EXPECT_EQ(one.counts(OperationKind::get).misses, 1U);
  EXPECT_EQ(one.errors(), 3U);
  EXPECT_EQ(one.error_texts().at("ERR x"), 3U);
  ASSERT_EQ(one.series().size(), 2U);
  ASSERT_EQ(one.series()[0].latency.size(), 2U);
  EXPECT_EQ(one.series()[0].latency[0].count, 6U);
  EXPECT_EQ(one.series()[0].errors, 3U);
}

TEST(Recorder, KeepsOnlySoManyErrorTexts) {
  Recorder recorder;
  for (int i = 0; i < 1000; ++i) recorder.add_error("error " + std::to_string(i));
  EXPECT_EQ(recorder.errors(), 1000U);
  EXPECT_LE(recorder.error_texts().size(), 65U);
  EXPECT_GT(recorder.error_texts().at("(others)"), 900U);
}

}  // namespace
}  // namespace strata::loadtest
