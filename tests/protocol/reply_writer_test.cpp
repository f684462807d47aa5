#include "protocol/reply_writer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace strata::protocol {
namespace {

// What `write` sends under each version of the protocol.
template <typename Write>
std::pair<std::string, std::string> replies(Write write) {
  std::pair<std::string, std::string> texts;
  for (const Version version : {Version::resp2, Version::resp3}) {
    ByteBuffer buffer;
    ReplyWriter writer(buffer, version);
    write(writer);
    (version == Version::resp2 ? texts.first : texts.second) = buffer.view();
  }
  return texts;
}

template <typename Write>
void expect_replies(const std::string& resp2, const std::string& resp3, Write write) {
  const auto texts = replies(write);
  EXPECT_EQ(texts.first, resp2);
  EXPECT_EQ(texts.second, resp3);
}

template <typename Write>
void expect_reply(const std::string& both, Write write) {
  expect_replies(both, both, write);
}

TEST(ReplyWriter, Simple) {
  expect_reply("+OK\r\n", [](ReplyWriter& reply) { reply.simple("OK"); });
  expect_reply("+\r\n", [](ReplyWriter& reply) { reply.simple(""); });
}

TEST(ReplyWriter, Error) {
  expect_reply("-ERR syntax error\r\n", [](ReplyWriter& reply) { reply.error("ERR syntax error"); });
}

TEST(ReplyWriter, LineEndsInErrorsCanNotBreakTheFrame) {
  expect_reply("-ERR a  b c\r\n", [](ReplyWriter& reply) { reply.error("ERR a\r\nb\nc"); });
  expect_reply("-ERR Unsupported option foo\r\n", [](ReplyWriter& reply) { reply.error("ERR Unsupported option foo\r\n\n"); });
  expect_reply("-\r\n", [](ReplyWriter& reply) { reply.error("\r\n"); });
}

TEST(ReplyWriter, Integer) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {
      {0, "0"},
      {9, "9"},
      {10, "10"},
      {99, "99"},
      {100, "100"},
      {12345, "12345"},
      {-1, "-1"},
      {-10, "-10"},
      {std::numeric_limits<std::int64_t>::max(), "9223372036854775807"},
      {std::numeric_limits<std::int64_t>::min(), "-9223372036854775808"},
  };
  for (const auto& [number, text] : cases) {
    expect_reply(":" + text + "\r\n", [number = number](ReplyWriter& reply) { reply.integer(number); });
  }
}

TEST(ReplyWriter, IntegersNearPowersOfTen) {
  for (std::int64_t power = 1; power < 1'000'000'000'000'000'000; power *= 10) {
    for (const std::int64_t number : {power - 1, power, power + 1, -power}) {
      expect_reply(":" + std::to_string(number) + "\r\n", [number](ReplyWriter& reply) { reply.integer(number); });
    }
  }
}

TEST(ReplyWriter, Bulk) {
  expect_reply("$5\r\nhello\r\n", [](ReplyWriter& reply) { reply.bulk("hello"); });
  expect_reply("$0\r\n\r\n", [](ReplyWriter& reply) { reply.bulk(""); });
  expect_reply("$0\r\n\r\n", [](ReplyWriter& reply) { reply.bulk({}); });
  const std::string binary("a\0\r\n\xff", 5);
  expect_reply("$5\r\n" + binary + "\r\n", [&](ReplyWriter& reply) { reply.bulk(binary); });
}

TEST(ReplyWriter, BulkLengthsOfEveryWidth) {
  for (const std::size_t length : {9U, 10U, 11U, 99U, 100U, 101U, 999U, 1000U, 123456U}) {
    const std::string payload(length, 'x');
    expect_reply("$" + std::to_string(length) + "\r\n" + payload + "\r\n", [&](ReplyWriter& reply) { reply.bulk(payload); });
  }
}

TEST(ReplyWriter, BulkInParts) {
  for (const std::size_t length : {0U, 3U, 12U, 123456789U}) {
    expect_reply("$" + std::to_string(length) + "\r\n\r\n", [length](ReplyWriter& reply) {
      reply.bulk_header(length);
      reply.bulk_end();
    });
  }
  expect_reply("$18446744073709551615\r\n",
               [](ReplyWriter& reply) { reply.bulk_header(std::numeric_limits<std::size_t>::max()); });
}

TEST(ReplyWriter, Nulls) {
  expect_replies("$-1\r\n", "_\r\n", [](ReplyWriter& reply) { reply.null(); });
  expect_replies("*-1\r\n", "_\r\n", [](ReplyWriter& reply) { reply.null_array(); });
}

TEST(ReplyWriter, Aggregates) {
  expect_reply("*0\r\n", [](ReplyWriter& reply) { reply.array(0); });
  expect_reply("*12\r\n", [](ReplyWriter& reply) { reply.array(12); });
  expect_reply("*1048576\r\n", [](ReplyWriter& reply) { reply.array(1048576); });
  expect_replies("*0\r\n", "%0\r\n", [](ReplyWriter& reply) { reply.map(0); });
  expect_replies("*14\r\n", "%7\r\n", [](ReplyWriter& reply) { reply.map(7); });
  expect_replies("*3\r\n", "~3\r\n", [](ReplyWriter& reply) { reply.set(3); });
  expect_replies("*2\r\n", ">2\r\n", [](ReplyWriter& reply) { reply.push(2); });
}

TEST(ReplyWriter, AttributeOfResp3) {
  EXPECT_EQ(replies([](ReplyWriter& reply) { reply.attribute(1); }).second, "|1\r\n");
}

TEST(ReplyWriter, Boolean) {
  expect_replies(":1\r\n", "#t\r\n", [](ReplyWriter& reply) { reply.boolean(true); });
  expect_replies(":0\r\n", "#f\r\n", [](ReplyWriter& reply) { reply.boolean(false); });
}

// The texts are those that redis-server 7.0.15 gives for ZSCORE and DEBUG PROTOCOL DOUBLE.
TEST(ReplyWriter, RealAsRedisSeven) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0.0, "0"},
      {-0.0, "-0"},
      {3.0, "3"},
      {3.141, "3.141"},
      {3.14, "3.1400000000000001"},
      {0.1, "0.10000000000000001"},
      {0.30000000000000004, "0.30000000000000004"},
      {0.0001, "0.0001"},
      {1e-5, "1.0000000000000001e-05"},
      {1.5e-7, "1.4999999999999999e-07"},
      {100000, "100000"},
      {1e16, "10000000000000000"},
      {1e17, "1e+17"},
      {1e20, "1e+20"},
      {123456789012345678.0, "1.2345678901234568e+17"},
      {5e-324, "4.9406564584124654e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [number, text] : cases) {
    expect_replies("$" + std::to_string(text.size()) + "\r\n" + text + "\r\n", "," + text + "\r\n",
                   [number = number](ReplyWriter& reply) { reply.real(number); });
  }
}

TEST(ReplyWriter, BigNumber) {
  expect_replies("$37\r\n1234567999999999999999999999999999999\r\n", "(1234567999999999999999999999999999999\r\n",
                 [](ReplyWriter& reply) { reply.big_number("1234567999999999999999999999999999999"); });
}

TEST(ReplyWriter, Verbatim) {
  expect_replies("$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n",
                 [](ReplyWriter& reply) { reply.verbatim("txt", "This is a verbatim\nstring"); });
  expect_replies("$0\r\n\r\n", "=4\r\nmkd:\r\n", [](ReplyWriter& reply) { reply.verbatim("mkd", ""); });
  expect_replies("$0\r\n\r\n", "=4\r\ntxt:\r\n", [](ReplyWriter& reply) {
    reply.verbatim_header("txt", 0);
    reply.bulk_end();
  });
}

TEST(ReplyWriter, VerbatimInParts) {
  for (const Version version : {Version::resp2, Version::resp3}) {
    ByteBuffer buffer;
    ReplyWriter reply(buffer, version);
    reply.verbatim_header("txt", 10);
    buffer.append("01234");
    buffer.append("56789");
    reply.bulk_end();
    EXPECT_EQ(buffer.view(), version == Version::resp2 ? "$10\r\n0123456789\r\n" : "=14\r\ntxt:0123456789\r\n");
  }
}

TEST(ReplyWriter, RepliesFollowEachOther) {
  ByteBuffer buffer;
  buffer.append("before");
  ReplyWriter reply(buffer, Version::resp2);
  reply.array(2);
  reply.bulk("a");
  reply.null();
  reply.set_version(Version::resp3);
  EXPECT_EQ(reply.version(), Version::resp3);
  reply.null();
  EXPECT_EQ(buffer.view(), "before*2\r\n$1\r\na\r\n$-1\r\n_\r\n");
}

}  // namespace
}  // namespace strata::protocol
