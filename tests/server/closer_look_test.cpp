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
  [[nodiscard]] bool is_due_after(std::uint64_t ns) const { return look_.is_due_for_time(ticks_of(ns)); }

  CloserLook look_;
};

TEST_F(CloserLookTest, IsNotDueAsLongAsNobodyAsks) {
  EXPECT_FALSE(is_due_after(1'000'000'000));
  EXPECT_FALSE(look_.is_due_for_reply(1ULL << 40U));
  EXPECT_FALSE(look_.is_due_for_request(1ULL << 40U));
}

TEST_F(CloserLookTest, LessThanAMicrosecondIsUsual) {
  EXPECT_TRUE(look_.is_usual(0));
  EXPECT_TRUE(look_.is_usual(ticks_of(990)));
  EXPECT_FALSE(look_.is_usual(ticks_of(1'000)));
}

TEST_F(CloserLookTest, WhatSomebodyAsksForIsNotUsualHoweverShort) {
  look_.ask(CloserLook::Asker::log, {.nanoseconds = 300});
  EXPECT_TRUE(look_.is_usual(ticks_of(290)));
  EXPECT_FALSE(look_.is_usual(ticks_of(300)));
  look_.ask(CloserLook::Asker::log, {.nanoseconds = 5'000});
  EXPECT_TRUE(look_.is_usual(ticks_of(990)));
  EXPECT_FALSE(look_.is_usual(ticks_of(1'000)));
}

TEST_F(CloserLookTest, TakesTheLeastThatAnyAsksFor) {
  look_.ask(CloserLook::Asker::log, {.reply_bytes = 100, .request_bytes = 8});
  look_.ask(CloserLook::Asker::monitors, {.reply_bytes = 200, .request_bytes = 4});
  EXPECT_FALSE(look_.is_due_for_reply(99));
  EXPECT_TRUE(look_.is_due_for_reply(100));
  EXPECT_FALSE(look_.is_due_for_request(3));
  EXPECT_TRUE(look_.is_due_for_request(4));
  look_.ask(CloserLook::Asker::monitors, {});
  EXPECT_FALSE(look_.is_due_for_request(7));
  EXPECT_TRUE(look_.is_due_for_request(8));
  look_.ask(CloserLook::Asker::log, {});
  EXPECT_FALSE(look_.is_due_for_reply(100));
  EXPECT_FALSE(look_.is_due_for_request(8));
}

TEST_F(CloserLookTest, TheLogAsksForWhatItWouldNote) {
  CommandLog log(look_);
  log.set({.slow_us = 0, .request_bytes = -1, .reply_bytes = -1});
  EXPECT_TRUE(look_.is_due_for_time(0)) << "slower-than 0 is every command";
  EXPECT_FALSE(look_.is_usual(0));
  log.set({.slow_us = -1, .request_bytes = -1, .reply_bytes = 500});
  EXPECT_FALSE(look_.is_due_for_reply(499));
  EXPECT_TRUE(look_.is_due_for_reply(500));
  EXPECT_FALSE(look_.is_due_for_request(1ULL << 40U));
  log.set({.slow_us = -1, .request_bytes = 1 << 20, .reply_bytes = -1});
  EXPECT_FALSE(look_.is_due_for_reply(1ULL << 40U));
  EXPECT_FALSE(look_.is_due_for_request((1 << 20) - 1));
  EXPECT_TRUE(look_.is_due_for_request(1 << 20));
  log.set({.slow_us = 50, .request_bytes = -1, .reply_bytes = -1});
  EXPECT_FALSE(look_.is_due_for_request(1 << 20));
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
  EXPECT_TRUE(look_.is_due_for_time(0));
  feed.remove(one);
  EXPECT_TRUE(look_.is_due_for_time(0));
  feed.remove(other);
  EXPECT_FALSE(look_.is_due_for_time(0));
}

}  // namespace
}  // namespace strata::server
