#include "server/commands/monitor_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/commands/client.h"
#include "server/commands/table.h"

namespace strata::server {
namespace {

class MonitorFeedTest : public testing::Test {
 protected:
  static constexpr std::int64_t kNowMs = 1'700'000'000'000;

  std::shared_ptr<MonitorFeed::Watcher> watch(MonitorFeed::Filter filter = {}) {
    return feed_.add(budget_, std::move(filter), watching_);
  }
  void tell(const std::vector<std::string_view>& words, std::int64_t now_ms = kNowMs) {
    feed_.tell(*table_.find(words[0]), words, *client_, now_ms);
  }
  // What lines say behind their time.
  static std::vector<std::string> lines_of(MonitorFeed::Watcher& watcher) {
    std::vector<std::string> lines;
    const std::string text = watcher.take();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find("\r\n", begin);
      const std::size_t behind_time = text.find(' ', begin);
      lines.push_back(text.substr(behind_time + 1, end - behind_time - 1));
      begin = end + 2;
    }
    return lines;
  }

  CommandTable table_;
  Budget budget_;
  std::shared_ptr<Client> client_ = std::make_shared<Client>(Client::Identity{7, -1, "1.2.3.4:5", "", 0});
  std::shared_ptr<Client> watching_ = std::make_shared<Client>(Client::Identity{8, -1, "", "", 0});
  CloserLook look_;
  MonitorFeed feed_{look_};
};

TEST_F(MonitorFeedTest, ShowsEachWatcherEachCommand) {
  EXPECT_FALSE(feed_.is_watched());
  const auto one = watch();
  const auto other = watch();
  EXPECT_TRUE(feed_.is_watched());
  tell({"GET", "k\n"});
  for (const auto& watcher : {one, other})
    EXPECT_EQ(lines_of(*watcher), std::vector<std::string>{R"([0 1.2.3.4:5] "GET" "k\n")"});
  EXPECT_EQ(feed_.lines(), 2U);
  feed_.remove(one);
  tell({"GET", "k"});
  EXPECT_TRUE(lines_of(*one).empty());
  EXPECT_EQ(lines_of(*other).size(), 1U);
  feed_.remove(other);
  EXPECT_FALSE(feed_.is_watched());
}

TEST_F(MonitorFeedTest, WakesTheWatcherOnceForAllThatWaits) {
  int woken = 0;
  watching_->set_wake([&] { ++woken; });
  const auto watcher = watch();
  for (int i = 0; i < 10; ++i) tell({"GET", "k"});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(lines_of(*watcher).size(), 10U);
  tell({"GET", "k"});
  EXPECT_EQ(woken, 2);
  watching_->set_wake(nullptr);
}

TEST_F(MonitorFeedTest, LeavesOutWhatIsBeyondTheRate) {
  feed_.set_rate(3);
  const auto watcher = watch();
  const auto slower = watch({"", {}, 0, 1});
  const auto faster = watch({"", {}, 0, 100});
  for (int i = 0; i < 10; ++i) tell({"GET", "k"});
  EXPECT_EQ(lines_of(*watcher).size(), 3U);
  EXPECT_EQ(lines_of(*slower).size(), 1U);
  EXPECT_EQ(lines_of(*faster).size(), 3U) << "nobody gets more than the configuration says";
  EXPECT_EQ(feed_.left_out(), 7U + 9U + 7U);
  tell({"GET", "k"}, kNowMs + 1000);
  EXPECT_EQ(lines_of(*watcher),
            (std::vector<std::string>{R"([0 monitor] "7 commands were left out")", R"([0 1.2.3.4:5] "GET" "k")"}));
}

TEST_F(MonitorFeedTest, LeavesOutWhatTheWatcherHasNoRoomFor) {
  const auto watcher = watch();
  const std::string value(3000, 'v');
  for (int i = 0; i < 1000; ++i) tell({"SET", "k", value});
  EXPECT_GT(feed_.left_out(), 500U);
  EXPECT_LE(budget_.bytes(Purpose::client_buffers), MonitorFeed::kMostPendingBytes + 4096);
  EXPECT_GT(budget_.bytes(Purpose::client_buffers), MonitorFeed::kMostPendingBytes - 4096) << "what waits is charged";
  EXPECT_EQ(lines_of(*watcher).size(), feed_.lines());
  EXPECT_EQ(budget_.bytes(Purpose::client_buffers), 0U);
  tell({"GET", "k"});
  EXPECT_EQ(lines_of(*watcher).size(), 2U);
}

TEST_F(MonitorFeedTest, WhatWaitsIsChargedNoLongerThanTheWatcherLives) {
  auto watcher = watch();
  tell({"GET", "k"});
  EXPECT_GT(budget_.bytes(Purpose::client_buffers), 0U);
  feed_.remove(watcher);
  watcher.reset();
  EXPECT_EQ(budget_.bytes(Purpose::client_buffers), 0U);
}

TEST_F(MonitorFeedTest, FiltersByPatternCommandAndClient) {
  const auto by_pattern = watch({"user:*", {}, 0, 0});
  const auto by_command = watch({"", {table_.find("object"), table_.find("del")}, 0, 0});
  const auto by_client = watch({"", {}, 9, 0});
  tell({"GET", "user:1"});
  tell({"OBJECT", "x"});
  feed_.tell(*table_.find_full("object|freq"), std::vector<std::string_view>{"OBJECT", "FREQ", "a"}, *client_, kNowMs);
  tell({"AUTH", "user:secret"});
  EXPECT_EQ(lines_of(*by_pattern), std::vector<std::string>{R"([0 1.2.3.4:5] "GET" "user:1")"}) << "secrets are not compared";
  EXPECT_EQ(lines_of(*by_command).size(), 2U);
  EXPECT_TRUE(lines_of(*by_client).empty());
}

TEST_F(MonitorFeedTest, ManyThreadsTellWhileWatchersComeAndGo) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) tell({"GET", "k"});
    });
  }
  std::uint64_t seen = 0;
  for (int i = 0; i < 200; ++i) {
    const auto watcher = watch();
    while (seen == 0) seen += lines_of(*watcher).size();
    feed_.remove(watcher);
    seen += lines_of(*watcher).size();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(seen, feed_.lines());
  EXPECT_EQ(budget_.bytes(Purpose::client_buffers), 0U);
}

}  // namespace
}  // namespace strata::server
