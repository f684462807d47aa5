#include "server/commands/statistics.h"

#include <gtest/gtest.h>

#include "engine/api/strata.hpp"

namespace strata::server {
namespace {

using Buckets = Histogram<std::uint64_t>;

TEST(HistogramTest, ABucketTakesWhatIsBelowItsUpperBound) {
  EXPECT_EQ(Buckets::bucket_of(0), 0U);
  EXPECT_EQ(Buckets::bucket_of(999), 0U);
  EXPECT_EQ(Buckets::bucket_of(1'000), 1U);
  EXPECT_EQ(Buckets::bucket_of(1'999), 1U);
  EXPECT_EQ(Buckets::bucket_of(2'000), 2U);
  EXPECT_EQ(Buckets::bucket_of(~std::uint64_t{0}), Buckets::kBuckets - 1);
  for (std::uint64_t ns = 1; ns < 10'000'000; ns = ns * 3 + 1) {
    EXPECT_LT(ns / 1000, Buckets::upper_bound_microseconds(Buckets::bucket_of(ns))) << ns;
  }
}

TEST(StatisticsTest, SumsTheLoops) {
  Statistics statistics(2);
  LoopStatistics& first = statistics.add_loop();
  LoopStatistics& second = statistics.add_loop();
  first.command(1).usual_calls.add(3);
  second.command(1).other_calls.add(4);
  second.traffic.network_input_bytes.add(100);
  first.count_error("ERR");
  second.count_error("ERR");
  const StatisticsSnapshot sum = statistics.since_start();
  EXPECT_EQ(sum.commands[1].calls, 7U);
  EXPECT_EQ(sum.commands[0].calls, 0U);
  EXPECT_EQ(sum.traffic.network_input_bytes, 100U);
  EXPECT_EQ(sum.errors.at("ERR"), 2U);
  EXPECT_EQ(sum.total_calls(), 7U);
}

TEST(StatisticsTest, AResetStartsAgainButMetricsNeverFall) {
  Statistics statistics(1);
  LoopStatistics& loop = statistics.add_loop();
  loop.command(0).other_calls.add(5);
  loop.command(0).latency.buckets[3].add(5);
  loop.count_error("ERR");
  statistics.reset();
  loop.command(0).usual_calls.add(2);
  EXPECT_EQ(statistics.since_reset().commands[0].calls, 2U);
  EXPECT_EQ(statistics.since_reset().commands[0].latency.buckets[3], 0U);
  EXPECT_TRUE(statistics.since_reset().errors.empty());
  EXPECT_EQ(statistics.since_start().commands[0].calls, 7U);
}

TEST(StatisticsTest, UsualCallsAreTheFirstBucket) {
  Statistics statistics(1);
  LoopStatistics& loop = statistics.add_loop();
  loop.command(0).usual_calls.add(5);
  loop.command(0).other_calls.add(3);  // one of them is not over
  loop.command(0).latency.buckets[0].add();
  loop.command(0).latency.buckets[4].add();
  loop.command(0).ticks.add(CycleClock::ns_to_ticks(3'000'000));
  const CommandStatistics sum = statistics.since_start().commands[0];
  EXPECT_EQ(sum.calls, 8U);
  EXPECT_EQ(sum.latency.buckets[0], 6U);
  EXPECT_EQ(sum.latency.buckets[4], 1U);
  EXPECT_NEAR(static_cast<double>(sum.nanoseconds), 3e6, 1000);
}

TEST(StatisticsTest, ErrorCodesAreBounded) {
  Statistics statistics(1);
  LoopStatistics& loop = statistics.add_loop();
  for (int i = 0; i < 1000; ++i) loop.count_error("CODE" + std::to_string(i));
  const auto errors = statistics.since_start().errors;
  EXPECT_LE(errors.size(), 129U);
  EXPECT_EQ(statistics.since_start().total_errors(), 1000U);
  EXPECT_GT(errors.at("OTHER"), 800U);
}

TEST(StatisticsTest, RatesComeFromTheSamples) {
  Statistics statistics(1);
  LoopStatistics& loop = statistics.add_loop();
  const std::chrono::steady_clock::time_point start;
  EXPECT_EQ(statistics.rates().commands_per_second, 0U);
  for (int i = 0; i <= 40; ++i) {
    statistics.sample(start + std::chrono::milliseconds(100) * i);
    loop.command(0).usual_calls.add(50);
    loop.traffic.network_input_bytes.add(1024);
  }
  EXPECT_EQ(statistics.rates().commands_per_second, 500U);
  EXPECT_NEAR(statistics.rates().input_kilobytes_per_second, 10.0, 0.01);
}

}  // namespace
}  // namespace strata::server
