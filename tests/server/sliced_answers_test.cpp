#include <algorithm>
#include <set>

#include "server/commands/client_walk.h"
#include "server/commands/reply_pieces.h"
#include "tests/server/command_fixture.h"

// What is long to collect or to answer goes in slices, and nothing of it shows in the answer.
namespace strata::server {
namespace {

class SlicedAnswerTest : public CommandTest {
 protected:
  // The reply, and the most that one slice added to it.
  std::string answer(const std::vector<std::string>& words) {
    most_ = parts_ = 0;
    slices_ = 1;
    std::size_t before = 0;
    std::optional<std::string> reply = begin(words);
    for (;; ++slices_) {
      const std::size_t now = reply ? reply->size() : answered();
      most_ = std::max(most_, now - before);
      parts_ += now != before ? 1 : 0;
      before = now;
      if (reply) return *reply;
      reply = resume();
    }
  }
  // The bulk strings of an array, from `at` on.
  static std::multiset<std::string> names(std::string_view reply, std::size_t at) {
    std::multiset<std::string> all;
    for (std::size_t line = reply.find("\r\n", at) + 2; line < reply.size();) {
      const std::size_t end = reply.find("\r\n", line);
      const std::size_t size = std::stoul(std::string(reply.substr(line + 1, end - line - 1)));
      all.emplace(reply.substr(end + 2, size));
      line = end + 2 + size + 2;
    }
    return all;
  }
  std::multiset<std::string> fill(int keys) {
    std::multiset<std::string> all;
    for (int i = 0; i < keys; ++i) {
      all.insert("a name that is not short:" + std::to_string(i));
      set("a name that is not short:" + std::to_string(i), "v");
    }
    return all;
  }
  std::shared_ptr<Client> add_client(std::string name = {}) {
    auto client = std::make_shared<Client>(
        Client::Identity{.id = clients_.next_id(), .fd = -1, .peer_address = "here", .local_address = {}, .connected_at_ms = 0});
    client->set_name(name);
    client->set_disconnect([this](Client::Reason) { ++disconnected_; });
    client->set_wake([this] { ++woken_; });
    clients_.add(client);
    return client;
  }
  [[nodiscard]] std::uint64_t held() const { return cache_.budget().bytes(Purpose::client_buffers); }
  std::uint64_t calls_in_histogram(std::string_view command) {
    std::uint64_t sum = 0;
    const StatisticsSnapshot snapshot = statistics_.since_start();
    for (const std::uint64_t count : snapshot.commands[table_.find_full(command)->id].latency.buckets) sum += count;
    return sum;
  }

  std::size_t most_ = 0;
  std::size_t parts_ = 0;
  int disconnected_ = 0;
  int woken_ = 0;
};

// A piece, and what stands before it.
constexpr std::size_t kMost = ReplyPieces::kPieceBytes + 64;

TEST_F(SlicedAnswerTest, KeysAreAnsweredInPieces) {
  const auto all = fill(20'000);
  const std::uint64_t before = held();
  const std::string reply = answer({"KEYS", "*"});
  EXPECT_TRUE(reply.starts_with("*20000\r\n"));
  EXPECT_EQ(names(reply, 0), all);
  EXPECT_LE(most_, kMost);
  EXPECT_GT(parts_, 10U);
  EXPECT_EQ(held(), before);
}

TEST_F(SlicedAnswerTest, ScanAnswersManyKeysInPieces) {
  const auto all = fill(20'000);
  const std::string reply = answer({"SCAN", "0", "COUNT", "1000000"});
  EXPECT_TRUE(reply.starts_with("*2\r\n$1\r\n0\r\n*20000\r\n"));
  EXPECT_EQ(names(reply, std::string_view("*2\r\n$1\r\n0\r\n").size()), all);
  EXPECT_LE(most_, kMost);
  EXPECT_GT(parts_, 10U);
  // A short answer takes no slice of its own.
  (void)answer({"SCAN", "0"});
  EXPECT_EQ(slices_, 1U);
}

TEST_F(SlicedAnswerTest, WhatIsCollectedIsChargedAndForgotten) {
  (void)fill(20'000);
  const std::uint64_t before = held();
  ASSERT_EQ(begin({"KEYS", "*"}), std::nullopt);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(resume(), std::nullopt);
  EXPECT_GT(held(), before + 100'000);
  drop();
  EXPECT_EQ(held(), before);
}

TEST_F(SlicedAnswerTest, NoMoreIsCollectedThanAClientMayHold) {
  (void)fill(20'000);
  limits_.output_buffer_bytes = 100'000;
  EXPECT_EQ(answer({"KEYS", "*"}), "-ERR the answer is larger than limits.output_buffer; use SCAN\r\n");
  EXPECT_EQ(answer({"SCAN", "0", "COUNT", "1000000"}), "-ERR the answer is larger than limits.output_buffer; use SCAN\r\n");
}

TEST_F(SlicedAnswerTest, NoMoreClientsAreListedThanOneMayHold) {
  for (int i = 0; i < 1000; ++i) add_client("n" + std::to_string(i));
  const std::uint64_t before = held();
  limits_.output_buffer_bytes = 100'000;
  EXPECT_EQ(answer({"CLIENT", "LIST"}), "-ERR the answer is larger than limits.output_buffer; use CLIENT LIST ID\r\n");
  EXPECT_LT(slices_, 1000 / ClientWalk::kClientsAtOnce);
  EXPECT_EQ(held(), before);
  EXPECT_TRUE(answer({"CLIENT", "LIST", "ID", "7"}).starts_with("$"));
}

TEST_F(SlicedAnswerTest, ALongAnswerIsLoggedAndCountedOnce) {
  (void)fill(20'000);
  command_log_.set({.slow_us = -1, .request_bytes = -1, .reply_bytes = 300'000, .entries = 10});
  const std::string reply = answer({"KEYS", "*"});
  ASSERT_GT(parts_, 10U);
  const auto entries = command_log_.last(CommandLog::Kind::large_reply, 10);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].measured, reply.size());
  EXPECT_EQ(calls_in_histogram("keys"), 1U);
  const StatisticsSnapshot once = statistics_.since_start();
  EXPECT_EQ(once.commands[table_.find_full("keys")->id].calls, 1U);
  EXPECT_EQ(once.traffic.suspended, slices_ - 1);
  (void)answer({"KEYS", "nothing"});
  EXPECT_EQ(command_log_.last(CommandLog::Kind::large_reply, 10).size(), 1U);
  EXPECT_EQ(calls_in_histogram("keys"), 2U);
}

// Its words, for the log.
TEST_F(SlicedAnswerTest, WhatIsKeptOfARequestIsChargedWhileItGoesOn) {
  (void)fill(2'000);
  const std::string pattern(100, 'n');
  const std::uint64_t before = held();
  ASSERT_EQ(begin({"KEYS", pattern}), std::nullopt);  // nothing matches, so nothing is collected
  EXPECT_GE(held(), before + pattern.size());
  while (!resume()) {
  }
  EXPECT_EQ(held(), before);
}

TEST_F(SlicedAnswerTest, ClientsAreListedSomeAtATime) {
  constexpr int kClients = 1000;
  for (int i = 0; i < kClients; ++i) add_client("n" + std::to_string(i));
  ASSERT_EQ(begin({"CLIENT", "LIST"}), std::nullopt);
  const auto late = add_client("late");
  clients_.remove(900);
  std::optional<std::string> reply;
  std::size_t slices = 1;
  for (; !reply; ++slices) reply = resume();
  EXPECT_GE(slices, kClients / ClientWalk::kClientsAtOnce + 1);
  EXPECT_EQ(std::count(reply->begin(), reply->end(), '\n'), kClients - 1 + 2);
  EXPECT_NE(reply->find(" name=n0 "), std::string::npos);
  EXPECT_NE(reply->find(" name=n999 "), std::string::npos);
  EXPECT_EQ(reply->find(" name=n899 "), std::string::npos);
  EXPECT_EQ(reply->find(" name=late "), std::string::npos);
  const std::size_t header = reply->find("\r\n") + 2;
  EXPECT_EQ(reply->substr(0, header), "$" + std::to_string(reply->size() - header - 2) + "\r\n");
  EXPECT_NE(answer({"CLIENT", "LIST"}).find(" name=late "), std::string::npos);
  EXPECT_LE(most_, kMost);
  EXPECT_GT(parts_, 2U);
}

TEST_F(SlicedAnswerTest, ClientsAreListedInTheOrderTheyAreAskedFor) {
  for (int i = 0; i < 300; ++i) add_client("n" + std::to_string(i));
  const std::string reply = answer({"CLIENT", "LIST", "ID", "200", "7", "999", "200"});
  EXPECT_EQ(std::count(reply.begin(), reply.end(), '\n'), 3 + 2);
  EXPECT_LT(reply.find("id=200 "), reply.find("id=7 "));
  EXPECT_LT(reply.find("id=7 "), reply.rfind("id=200 "));
  EXPECT_EQ(answer({"CLIENT", "LIST", "ID", "999"}), "$0\r\n\r\n");
  EXPECT_EQ(answer({"CLIENT", "LIST", "TYPE", "replica"}), "$0\r\n\r\n");
}

TEST_F(SlicedAnswerTest, ClientsAreDisconnectedSomeAtATime) {
  constexpr int kClients = 1000;
  for (int i = 0; i < kClients; ++i) add_client();
  ASSERT_EQ(begin({"CLIENT", "KILL", "TYPE", "normal"}), std::nullopt);
  EXPECT_EQ(disconnected_, static_cast<int>(ClientWalk::kClientsAtOnce));
  add_client();  // who comes now was not meant
  std::optional<std::string> reply;
  while (!reply) reply = resume();
  EXPECT_EQ(*reply, ":1000\r\n");
  EXPECT_EQ(disconnected_, kClients);
  EXPECT_EQ(answer({"CLIENT", "KILL", "ID", "1001"}), ":1\r\n");
  EXPECT_EQ(slices_, 1U);
  EXPECT_EQ(answer({"CLIENT", "KILL", "ADDR", "elsewhere"}), ":0\r\n");
  EXPECT_EQ(answer({"CLIENT", "KILL", "elsewhere"}), "-ERR No such client\r\n");
}

TEST_F(SlicedAnswerTest, WhoWaitsForTheEndOfAPauseIsToldSomeAtATime) {
  for (int i = 0; i < 1000; ++i) add_client();
  EXPECT_EQ(answer({"CLIENT", "UNPAUSE"}), "+OK\r\n");
  EXPECT_EQ(woken_, 1000);
  EXPECT_GT(slices_, 7U);
}

}  // namespace
}  // namespace strata::server
