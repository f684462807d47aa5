#include "server/commands/closer_look.h"

#include <gtest/gtest.h>

#include "server/commands/command_log.h"
#include "server/commands/latency_monitor.h"
#include "server/commands/monitor_feed.h"

namespace strata::server {
namespace {

std::uint64_t ticks_of(std::uint64_t ns) { return CycleClock::ns_to_ticks(ns) + 1; }

class CloserLookTest : public testing::Test {
 protected:
  // A command of two small words with a short reply.
  [[nodiscard]] bool is_due_after(std::uint64_t ns) const { return look_.is_due(ticks_of(ns), 10, 2, 0); }

  CloserLook look_;
};

TEST_F(CloserLookTest, IsNotDueAsLongAsNobodyAsks) {
  EXPECT_FALSE(is_due_after(1'000'000'000));
  EXPECT_FALSE(look_.is_due(0, 1ULL << 40U, 1ULL << 40U, 0));
}

TEST_F(CloserLookTest, LessThanAMicrosecondIsUsual) {
  EXPECT_TRUE(look_.is_usual(0));
  EXPECT_TRUE(look_.is_usual(ticks_of(990)));
  EXPECT_FALSE(look_.is_usual(ticks_of(1'000)));
}

TEST_F(CloserLookTest, IsDueForWordsThatLieApart) { EXPECT_TRUE(look_.is_due(0, 10, 2, 1)); }

TEST_F(CloserLookTest, TakesTheLeastThatAnyAsksFor) {
  look_.ask(CloserLook::Asker::log, {.reply_bytes = 100, .words = 8});
  look_.ask(CloserLook::Asker::monitors, {.reply_bytes = 200, .words = 4});
  EXPECT_FALSE(look_.is_due(0, 99, 3, 0));
  EXPECT_TRUE(look_.is_due(0, 100, 3, 0));
  EXPECT_TRUE(look_.is_due(0, 99, 4, 0));
  look_.ask(CloserLook::Asker::monitors, {});
  EXPECT_FALSE(look_.is_due(0, 99, 7, 0));
  EXPECT_TRUE(look_.is_due(0, 99, 8, 0));
  look_.ask(CloserLook::Asker::log, {});
  EXPECT_FALSE(look_.is_due(0, 100, 8, 0));
}

TEST_F(CloserLookTest, TheLogAsksForWhatItWouldNote) {
  CommandLog log(look_);
  log.set({.slow_us = 0, .request_bytes = -1, .reply_bytes = -1});
  EXPECT_TRUE(look_.is_due(0, 0, 1, 0)) << "slower-than 0 is every command";
  log.set({.slow_us = -1, .request_bytes = -1, .reply_bytes = 500});
  EXPECT_FALSE(look_.is_due(0, 499, 1'000'000, 0));
  EXPECT_TRUE(look_.is_due(0, 500, 1, 0));
  log.set({.slow_us = -1, .request_bytes = 1 << 20, .reply_bytes = -1});
  EXPECT_FALSE(look_.is_due(0, 500, 2, 0));
  EXPECT_TRUE(look_.is_due(0, 500, 1 << 20, 0)) << "so many small words may come to as much";
  log.set({.slow_us = -1, .request_bytes = -1, .reply_bytes = -1});
  EXPECT_FALSE(look_.is_due(0, 1ULL << 40U, 1 << 20, 0));
  log.set({.slow_us = 50, .request_bytes = -1, .reply_bytes = -1});
  EXPECT_FALSE(is_due_after(49'000));
  EXPECT_TRUE(is_due_after(50'000));
}

TEST_F(CloserLookTest, TheLatencyMonitorAsksForItsThreshold) {
  LatencyMonitor monitor(look_);
  monitor.set_threshold_ms(2);
  EXPECT_FALSE(is_due_after(1'900'000));
  EXPECT_TRUE(is_due_after(2'000'000));
  monitor.set_threshold_ms(0);
  EXPECT_FALSE(is_due_after(2'000'000'000));
}

TEST_F(CloserLookTest, WatchersAskForEverythingUntilTheLastIsGone) {
  MonitorFeed feed(look_);
  Budget budget;
  const auto one = feed.add(budget, {}, {});
  const auto other = feed.add(budget, {}, {});
  EXPECT_TRUE(look_.is_due(0, 0, 1, 0));
  feed.remove(one);
  EXPECT_TRUE(look_.is_due(0, 0, 1, 0));
  feed.remove(other);
  EXPECT_FALSE(look_.is_due(0, 0, 1, 0));
}

}  // namespace
}  // namespace strata::server
