#include <random>

#include "tests/server/command_fixture.h"

// What takes long goes in slices; what other clients do between them must not show.
namespace strata::server {
namespace {

constexpr std::size_t kLarge = 3U << 20U;

std::string integer(std::uint64_t number) { return ":" + std::to_string(number) + "\r\n"; }

class SlicedCommandTest : public CommandTest {
 protected:
  [[nodiscard]] std::uint64_t held() const { return cache_.budget().bytes(Purpose::client_buffers); }
};

TEST_F(SlicedCommandTest, CountsTheBitsOfTheMomentItBegan) {
  set("k", std::string(kLarge, '\x0f'));
  ASSERT_EQ(begin({"BITCOUNT", "k"}), std::nullopt);
  set("k", std::string(kLarge, '\xff'));
  std::optional<std::string> reply;
  while (!(reply = resume())) {
  }
  EXPECT_EQ(*reply, integer(kLarge * 4));
  EXPECT_EQ(call({"BITCOUNT", "k"}), integer(kLarge * 8));
  EXPECT_EQ(slices_, kLarge / (256U << 10U));
}

TEST_F(SlicedCommandTest, FindsABitBehindManySlices) {
  std::string value(kLarge, '\0');
  value[kLarge - 2] = '\x10';
  set("k", value);
  EXPECT_EQ(call({"BITPOS", "k", "1"}), integer((kLarge - 2) * 8 + 3));
  EXPECT_EQ(slices_, kLarge / (256U << 10U));
  EXPECT_EQ(call({"BITPOS", "k", "1", "3", "1000000"}), ":-1\r\n");
  EXPECT_EQ(call({"BITPOS", "k", "1", std::to_string(kLarge * 8 - 14), "-1", "BIT"}), integer((kLarge - 2) * 8 + 3));
}

TEST_F(SlicedCommandTest, BitopStoresNothingOfSourcesThatChangedMeanwhile) {
  set("a", std::string(kLarge, '\x0f'));
  set("b", std::string(kLarge, '\xf0'));
  ASSERT_EQ(begin({"BITOP", "OR", "to", "a", "b"}), std::nullopt);
  ASSERT_EQ(resume(), std::nullopt);
  set("b", std::string(kLarge, '\x01'));
  std::optional<std::string> reply;
  std::size_t slices = 2;
  for (; !(reply = resume()); ++slices) EXPECT_EQ(get("to"), "");
  EXPECT_EQ(*reply, integer(kLarge));
  EXPECT_EQ(get("to"), std::string(kLarge, '\x0f'));
  // It took twice as long as without the change.
  EXPECT_EQ(call({"BITOP", "OR", "to", "a", "b"}), integer(kLarge));
  EXPECT_GT(slices + 1, slices_ + 2);
}

TEST_F(SlicedCommandTest, BitopEndsThoughTheSourcesChangeAllTheTime) {
  set("a", std::string(kLarge, '\x0f'));
  std::optional<std::string> reply = begin({"BITOP", "NOT", "to", "a"});
  std::size_t slices = 1;
  char fill = '\x20';
  for (; !reply && slices < 1000; ++slices) {
    set("a", std::string(kLarge, ++fill));
    reply = resume();
  }
  ASSERT_TRUE(reply);
  EXPECT_EQ(*reply, integer(kLarge));
  EXPECT_EQ(get("to"), std::string(kLarge, static_cast<char>(~fill)));
}

TEST_F(SlicedCommandTest, BitopTakesItsDestinationForASource) {
  set("a", std::string(kLarge, '\x0f'));
  set("b", std::string(kLarge / 2, '\x3c'));
  EXPECT_EQ(call({"BITOP", "AND", "a", "a", "b"}), integer(kLarge));
  EXPECT_EQ(get("a"), std::string(kLarge / 2, '\x0c') + std::string(kLarge / 2, '\0'));
}

TEST_F(SlicedCommandTest, WhatIsHeldIsChargedAndGivenBack) {
  std::vector<std::string> words{"BITOP", "XOR", "to"};
  for (int i = 0; i < 20; ++i) {
    words.push_back("k" + std::to_string(i));
    set(words.back(), std::string(10'000, static_cast<char>(i)));
  }
  set("a", std::string(4'000, 'a'));
  set("b", std::string(4'000, 'b'));
  const std::uint64_t before = held();
  for (const std::vector<std::string>& command : {words, std::vector<std::string>{"LCS", "a", "b"}}) {
    std::optional<std::string> reply = begin(command);
    if (!reply) {
      EXPECT_GT(held(), before + 50'000) << command[0];
      drop();
    }
    EXPECT_EQ(held(), before) << command[0];
  }
  EXPECT_EQ(call({"LCS", "a", "b", "LEN"}), integer(0));
  EXPECT_GT(slices_, 50U);
}

TEST_F(SlicedCommandTest, DumpAndRestoreOfLargeValues) {
  std::string value(kLarge, '\0');
  std::mt19937 random(3);
  for (char& c : value) c = static_cast<char>(random());
  set("k", value);
  const std::string reply = call({"DUMP", "k"});
  EXPECT_EQ(slices_, kLarge / (256U << 10U));
  const std::size_t begin = reply.find("\r\n") + 2;
  std::string payload = reply.substr(begin, reply.size() - begin - 2);
  EXPECT_EQ(call({"RESTORE", "copy", "0", payload}), "+OK\r\n");
  EXPECT_GT(slices_, 10U);
  EXPECT_EQ(get("copy"), value);
  payload[kLarge / 2] = static_cast<char>(payload[kLarge / 2] ^ 1);
  EXPECT_EQ(call({"RESTORE", "other", "0", payload}), "-ERR DUMP payload version or checksum are wrong\r\n");
  EXPECT_EQ(get("other"), "");
}

TEST_F(SlicedCommandTest, RestoreLooksAgainWhenItStores) {
  set("k", std::string(kLarge, 'x'));
  const std::string reply = call({"DUMP", "k"});
  const std::size_t from = reply.find("\r\n") + 2;
  const std::string payload = reply.substr(from, reply.size() - from - 2);
  ASSERT_EQ(begin({"RESTORE", "new", "0", payload}), std::nullopt);
  set("new", "faster");
  std::optional<std::string> answer;
  while (!(answer = resume())) {
  }
  EXPECT_EQ(*answer, "-BUSYKEY Target key name already exists.\r\n");
  EXPECT_EQ(get("new"), "faster");
}

TEST_F(SlicedCommandTest, ARandomKeyIsFoundAmongManyOfAnotherDatabase) {
  for (int i = 0; i < 30'000; ++i) {
    const std::string name = "other" + std::to_string(i);
    (void)cache_.update(*session_, cache_.key(1, name), [](Decision& decision) { decision.put("v", kNoExpiry); });
  }
  EXPECT_EQ(call({"RANDOMKEY"}), "$-1\r\n");
  EXPECT_GT(slices_, 2U);
  set("one", "1");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call({"RANDOMKEY"}), "$3\r\none\r\n");
}

TEST_F(SlicedCommandTest, LimitsOfLengthHoldBeforeAnythingIsDone) {
  limits_.bulk_bytes = 100'000;
  const std::string too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
  EXPECT_EQ(call({"SETRANGE", "k", "99999", "ab"}), too_long);
  EXPECT_EQ(call({"SETRANGE", "k", "9223372036854775807", "a"}), too_long);
  EXPECT_EQ(call({"SETRANGE", "k", "99998", "ab"}), integer(100'000));
  EXPECT_EQ(call({"APPEND", "k", "c"}), too_long);
  EXPECT_EQ(call({"SETBIT", "k", "800000", "1"}), "-ERR bit offset is not an integer or out of range\r\n");
  EXPECT_EQ(call({"SETBIT", "k", "799999", "1"}), integer(0));
  EXPECT_EQ(call({"BITFIELD", "k", "GET", "u8", "800000"}), "-ERR bit offset is not an integer or out of range\r\n");
  EXPECT_EQ(call({"STRLEN", "k"}), integer(100'000));
  set("a", std::string(200, 'a'));
  EXPECT_EQ(call({"LCS", "a", "a"}), "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n");
}

TEST_F(SlicedCommandTest, AppendedBitsDoNotCopyTheValueEachTime) {
  set("k", std::string(1U << 20U, 'x'));
  (void)call({"SETRANGE", "k", std::to_string(1U << 20U), "first"});  // now there is spare room behind it
  const auto place = [&] {
    const char* data = nullptr;
    cache_.read(*session_, cache_.key(0, "k"), [&](const ItemView& item) { data = item.value.data(); });
    return data;
  };
  const char* const before = place();
  EXPECT_EQ(call({"SETRANGE", "k", std::to_string((1U << 20U) + 5), "second"}), integer((1U << 20U) + 11));
  EXPECT_EQ(place(), before);
  EXPECT_EQ(call({"SETBIT", "k", std::to_string(8 * ((1U << 20U) + 100)), "1"}), integer(0));
  EXPECT_EQ(place(), before);
  EXPECT_EQ(call({"SETBIT", "k", "0", "0"}), integer(0));  // as it is: nothing is written
  EXPECT_EQ(place(), before);
  EXPECT_EQ(call({"SETBIT", "k", "0", "1"}), integer(0));
  EXPECT_NE(place(), before);
  EXPECT_EQ(get("k"), '\xf8' + std::string((1U << 20U) - 1, 'x') + "firstsecond" + std::string(89, '\0') + '\x80');
}

}  // namespace
}  // namespace strata::server
