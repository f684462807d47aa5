// What the dispatcher has looked at more closely, where no command is by its time: the log of slow commands is off, and so is the latency monitor.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "tests/server/command_fixture.h"

namespace strata::server {
namespace {

using Kind = CommandLog::Kind;

class LookedAtCommandsTest : public CommandTest {
 protected:
  void log(std::int64_t request_bytes, std::int64_t reply_bytes) {
    command_log_.set({.slow_us = -1, .request_bytes = request_bytes, .reply_bytes = reply_bytes, .entries = 10});
  }
  [[nodiscard]] CommandStatistics counted(std::string_view command) const {
    return statistics_.since_start().commands[table_.find_full(command)->id];
  }
  static std::uint64_t in_histogram(const CommandStatistics& counted) {
    return std::accumulate(counted.latency.buckets.begin(), counted.latency.buckets.end(), std::uint64_t{0});
  }
};

TEST_F(LookedAtCommandsTest, ALargeReplyIsNoted) {
  log(-1, 100);
  set("short", "v");
  set("long", std::string(200, 'v'));
  (void)call({"GET", "short"});
  EXPECT_EQ(command_log_.size(Kind::large_reply), 0U);
  (void)call({"GET", "long"});
  EXPECT_EQ(command_log_.size(Kind::large_reply), 1U);
  (void)call({"GET", "short"});
  EXPECT_EQ(command_log_.size(Kind::large_reply), 1U);
}

TEST_F(LookedAtCommandsTest, ManyWordsAreNotedIfTheyAreLargeTogether) {
  log(4 * static_cast<std::int64_t>(kLargeValueBytes), -1);
  const std::string word(kLargeValueBytes - 1, 'v');
  (void)call({"MSET", "a", word, "b", word});
  EXPECT_EQ(command_log_.size(Kind::large_request), 0U) << "two of them";
  (void)call({"MSET", "a", "1", "b", "2", "c", "3"});
  EXPECT_EQ(command_log_.size(Kind::large_request), 0U) << "as many words, but short";
  (void)call({"MSET", "a", word, "b", word, "c", word, "d", word, "e", word});
  EXPECT_EQ(command_log_.size(Kind::large_request), 1U);
}

TEST_F(LookedAtCommandsTest, EachIsCountedOnceWhateverItIs) {
  log(-1, 100);
  set("long", std::string(200, 'v'));
  for (int i = 0; i < 5; ++i) (void)call({"GET", "short"});
  for (int i = 0; i < 3; ++i) (void)call({"GET", "long"});
  (void)call({"GET"});
  const CommandStatistics get = counted("get");
  EXPECT_EQ(get.calls, 8U);
  EXPECT_EQ(in_histogram(get), 8U);
  EXPECT_EQ(get.rejected, 1U);
  EXPECT_EQ(get.failed, 0U);
}

TEST_F(LookedAtCommandsTest, WhatIsRefusedIsNotTimeOfTheNext) {
  (void)call({"GET", "k"});
  EXPECT_NE(ticks_, 0U);
  for (const std::vector<std::string>& refused : {std::vector<std::string>{"GET"}, {"NOSUCH"}, {"CLIENT", "NOSUCH"}}) {
    (void)call({"GET", "k"});
    (void)call(refused);
    EXPECT_EQ(ticks_, 0U) << refused.front();
  }
}

TEST_F(LookedAtCommandsTest, AnErrorIsCountedOnceWithItsCommandAndItsCode) {
  set("text", "no number");
  (void)call({"INCR", "text"});
  (void)call({"NOSUCH"});
  EXPECT_EQ(counted("incr").failed, 1U);
  EXPECT_EQ(counted("incr").calls, 1U);
  EXPECT_EQ(statistics_.since_start().errors.at("ERR"), 2U);
}

}  // namespace
}  // namespace strata::server
