#include "protocol/request_parser.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/protocol/request_feeder.h"

namespace strata::protocol {
namespace {

using std::string_literals::operator""s;
using testing::encode;
using testing::feed_whole;
using testing::Request;

using Requests = std::vector<Request>;

TEST(RequestParser, ReadsAnArrayOfBulks) {
  const std::string window = encode({"GET", "key:000000000042"});
  RequestParser parser;
  std::vector<std::string_view> args;
  const ParseStep step = parser.parse(window, args);
  EXPECT_EQ(step.status, ParseStatus::request);
  EXPECT_EQ(step.consumed, window.size());
  ASSERT_EQ(args.size(), 2U);
  EXPECT_EQ(args[0], "GET");
  EXPECT_EQ(args[1], "key:000000000042");
  EXPECT_EQ(args[1].data(), window.data() + window.size() - 18);
  EXPECT_EQ(parser.memory_bytes(), 0U);
}

TEST(RequestParser, AppendsTheArgumentsOfAPipeline) {
  const std::string window = encode({"GET", "a"}) + "PING\r\n" + encode({"SET", "b", ""});
  RequestParser parser;
  std::vector<std::string_view> args = {"before"};
  std::size_t consumed = 0;
  for (const std::size_t expected : {3U, 4U, 7U}) {
    const ParseStep step = parser.parse(std::string_view(window).substr(consumed), args);
    ASSERT_EQ(step.status, ParseStatus::request);
    EXPECT_EQ(args.size(), expected);
    consumed += step.consumed;
  }
  EXPECT_EQ(consumed, window.size());
  EXPECT_EQ(args, (std::vector<std::string_view>{"before", "GET", "a", "PING", "SET", "b", ""}));
  EXPECT_EQ(parser.parse({}, args).status, ParseStatus::need_more);
}

TEST(RequestParser, IsBinarySafe) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const Request request = {all, "\r\n", "*1\r\n$4\r\nPING\r\n", ""};
  EXPECT_EQ(feed_whole(encode(request)).requests, Requests{request});
}

TEST(RequestParser, EmptyRequestsHaveNoArguments) {
  for (const std::string_view window : {"*0\r\n", "*-1\r\n", "*-99\r\n", "*-9223372036854775808\r\n", "\r\n", "\n", " \t \r\n"}) {
    RequestParser parser;
    std::vector<std::string_view> args = {"before"};
    const ParseStep step = parser.parse(window, args);
    EXPECT_EQ(step.status, ParseStatus::request) << window;
    EXPECT_EQ(step.consumed, window.size()) << window;
    EXPECT_EQ(args.size(), 1U) << window;
  }
  EXPECT_EQ(feed_whole("*0\r\n\r\n*-1\r\n\nPING\n").requests, (Requests{{"PING"}}));
}

TEST(RequestParser, ReadsInlineCommands) {
  EXPECT_EQ(feed_whole("PING\r\nset  k \"a b\"\nGET k\r\n").requests, (Requests{{"PING"}, {"set", "k", "a b"}, {"GET", "k"}}));
  EXPECT_EQ(feed_whole("$4\r\n").requests, (Requests{{"$4"}}));
  EXPECT_EQ(feed_whole("ping\r\r\n").requests, (Requests{{"ping"}}));
  EXPECT_EQ(feed_whole("a\0b\r\n"s).requests, (Requests{{"a\0b"s}}));
}

TEST(RequestParser, SkipsLineEndsUnseenAsRedisDoes) {
  EXPECT_EQ(feed_whole("*1\rX$4\rXpingXX*1\r\n$4\r\npingab").requests, (Requests{{"ping"}, {"ping"}}));
}

TEST(RequestParser, UnfinishedRequestsNeedMore) {
  const std::string whole = encode({"SET", "key", "value"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    RequestParser parser;
    std::vector<std::string_view> args = {"before"};
    const ParseStep step = parser.parse(std::string_view(whole).substr(0, size), args);
    EXPECT_EQ(step.status, ParseStatus::need_more) << size;
    EXPECT_EQ(step.consumed, 0U) << size;
    EXPECT_EQ(args.size(), 1U) << size;
  }
}

TEST(RequestParser, TellsWhyAStreamIsBroken) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"*-0\r\n", "invalid multibulk length"},
      {"*+1\r\n", "invalid multibulk length"},
      {"*01\r\n", "invalid multibulk length"},
      {"*00\r\n", "invalid multibulk length"},
      {"*\r\n", "invalid multibulk length"},
      {"*x\r\n", "invalid multibulk length"},
      {"*1 \r\n", "invalid multibulk length"},
      {"*1\n2\r\n", "invalid multibulk length"},
      {"*1\0\r\n"s, "invalid multibulk length"},
      {"*9223372036854775808\r\n", "invalid multibulk length"},
      {"*-9223372036854775809\r\n", "invalid multibulk length"},
      {"*1048577\r\n", "invalid multibulk length"},
      {"*1\r\nping\r\n", "expected '$', got 'p'"},
      {"*1\r\n\r\n", "expected '$', got '\r'"},
      {"*1\r\n'\r\n", "expected '$', got '''"},
      {"*1\r\n\xff\r\n", "expected '$', got '\xff'"},
      {"*2\r\n$4\r\nping\r\n:1\r\n", "expected '$', got ':'"},
      {"*1\r\n$\r\n", "invalid bulk length"},
      {"*1\r\n$-1\r\n", "invalid bulk length"},
      {"*1\r\n$-0\r\n", "invalid bulk length"},
      {"*1\r\n$04\r\nping\r\n", "invalid bulk length"},
      {"*1\r\n$4 \r\nping\r\n", "invalid bulk length"},
      {"*1\r\n$4\0\r\nping\r\n"s, "invalid bulk length"},
      {"*1\r\n$536870913\r\n", "invalid bulk length"},
      {"*1\r\n$18446744073709551615\r\n", "invalid bulk length"},
      {"echo \"a\r\n", "unbalanced quotes in request"},
      {"echo 'a'b\n", "unbalanced quotes in request"},
  };
  for (const auto& [stream, text] : cases) {
    EXPECT_EQ(feed_whole(stream).error, "Protocol error: " + text) << stream;
    EXPECT_EQ(feed_whole("PING\r\n" + stream + "PING\r\n").requests, (Requests{{"PING"}})) << stream;
  }
}

TEST(RequestParser, StaysBroken) {
  RequestParser parser;
  std::vector<std::string_view> args;
  EXPECT_EQ(parser.parse("*x\r\n", args).status, ParseStatus::error);
  EXPECT_EQ(parser.parse("*x\r\n*1\r\n$4\r\nPING\r\n", args).status, ParseStatus::error);
  EXPECT_EQ(parser.parse("PING\r\n", args).status, ParseStatus::error);
  EXPECT_EQ(parser.error(), "Protocol error: invalid multibulk length");
  EXPECT_TRUE(args.empty());
}

TEST(RequestParser, AnErrorLeavesTheArgumentsOfEarlierRequests) {
  RequestParser parser;
  std::vector<std::string_view> args = {"before"};
  EXPECT_EQ(parser.parse("*2\r\n$1\r\na\r\n$x\r\n", args).status, ParseStatus::error);
  EXPECT_EQ(args.size(), 1U);
}

TEST(RequestParser, LimitsTheNumberOfArguments) {
  ParseLimits limits;
  limits.arguments = 3;
  EXPECT_EQ(feed_whole(encode({"a", "b", "c"}), limits).requests.size(), 1U);
  EXPECT_EQ(feed_whole("*4\r\n", limits).error, "Protocol error: invalid multibulk length");
  EXPECT_EQ(feed_whole("*1048576\r\n").error, "");
}

TEST(RequestParser, LimitsTheLengthOfAnArgument) {
  ParseLimits limits;
  limits.bulk_bytes = 100;
  EXPECT_EQ(feed_whole(encode({std::string(100, 'x')}), limits).requests.size(), 1U);
  EXPECT_EQ(feed_whole(encode({std::string(101, 'x')}), limits).error, "Protocol error: invalid bulk length");
  EXPECT_EQ(feed_whole("*1\r\n$536870912\r\n").error, "");
}

TEST(RequestParser, LimitsLines) {
  constexpr std::size_t kLimit = 64 << 10;
  const std::string digits(kLimit - 1, '1');
  // The line may have as many bytes as the limit, its first byte included and its end not.
  EXPECT_EQ(feed_whole(std::string(kLimit, 'a')).error, "");
  EXPECT_EQ(feed_whole(std::string(kLimit, 'a') + "\n").requests, (Requests{{std::string(kLimit, 'a')}}));
  EXPECT_EQ(feed_whole(std::string(kLimit + 1, 'a')).error, "Protocol error: too big inline request");
  EXPECT_EQ(feed_whole(std::string(kLimit + 1, 'a') + "\n").error, "Protocol error: too big inline request");
  EXPECT_EQ(feed_whole("*" + digits).error, "");
  EXPECT_EQ(feed_whole("*" + digits + "\r\n").error, "Protocol error: invalid multibulk length");
  EXPECT_EQ(feed_whole("*" + digits + "1").error, "Protocol error: too big mbulk count string");
  EXPECT_EQ(feed_whole("*1\r\n$" + digits).error, "");
  EXPECT_EQ(feed_whole("*1\r\n$" + digits + "1").error, "Protocol error: too big bulk count string");
  EXPECT_EQ(feed_whole("*1\r\n" + std::string(kLimit + 1, 'x')).error, "Protocol error: too big bulk count string");
}

TEST(RequestParser, StrangersMaySendLittle) {
  ParseLimits limits;
  limits.authenticated = false;
  const Request ten(10, "a");
  EXPECT_EQ(feed_whole(encode(ten), limits).requests, Requests{ten});
  EXPECT_EQ(feed_whole("*11\r\n", limits).error, "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(feed_whole(encode({std::string(16384, 'x')}), limits).requests.size(), 1U);
  EXPECT_EQ(feed_whole("*1\r\n$16385\r\n", limits).error, "Protocol error: unauthenticated bulk length");
  EXPECT_EQ(feed_whole("*99999999\r\n", limits).error, "Protocol error: invalid multibulk length");
  EXPECT_EQ(feed_whole("*1\r\n$999999999999\r\n", limits).error, "Protocol error: invalid bulk length");
}

TEST(RequestParser, LimitsMayChangeBetweenRequests) {
  const std::string window = "*11\r\n";
  ParseLimits limits;
  limits.authenticated = false;
  RequestParser parser(limits);
  std::vector<std::string_view> args;
  ASSERT_EQ(parser.parse(encode({"AUTH"}), args).status, ParseStatus::request);
  limits.authenticated = true;
  parser.set_limits(limits);
  EXPECT_TRUE(parser.limits().authenticated);
  EXPECT_EQ(parser.parse(window, args).status, ParseStatus::need_more);
}

TEST(RequestParser, PromisedArgumentsTakeNoMemoryBeforeTheyArrive) {
  RequestParser parser;
  std::vector<std::string_view> args;
  EXPECT_EQ(parser.parse("*1000000\r\n$3\r\nDEL\r\n", args).status, ParseStatus::need_more);
  EXPECT_LE(parser.memory_bytes(), 1024U);
  EXPECT_LE(args.capacity(), 16U);
}

TEST(RequestParser, GivesTheMemoryOfALargeRequestBack) {
  const std::string whole = encode(Request(1000, "a"));
  RequestParser parser;
  std::vector<std::string_view> args;
  EXPECT_EQ(parser.parse(std::string_view(whole).substr(0, whole.size() - 1), args).status, ParseStatus::need_more);
  EXPECT_GE(parser.memory_bytes(), 999U * 16);
  EXPECT_EQ(parser.parse(whole, args).status, ParseStatus::request);
  EXPECT_EQ(args.size(), 1000U);
  EXPECT_EQ(parser.memory_bytes(), 0U);
}

TEST(RequestParser, DecodedInlineArgumentsLastUntilMoreWasNeeded) {
  RequestParser parser;
  std::vector<std::string_view> args;
  std::string line = "echo \"first\"\r\n";
  EXPECT_EQ(parser.parse(line, args).status, ParseStatus::request);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(parser.parse("x 'of many more'\r\n", args).status, ParseStatus::request);
  EXPECT_EQ(args[1], "first");
  EXPECT_EQ(args[3], "of many more");
  EXPECT_GE(parser.memory_bytes(), 101U * 5);

  args.clear();
  EXPECT_EQ(parser.parse("", args).status, ParseStatus::need_more);
  EXPECT_EQ(parser.parse("PING\r\n", args).status, ParseStatus::request);
  EXPECT_EQ(parser.memory_bytes(), 0U);
}

TEST(RequestParser, ReportsALargeBulkOnlyWhileItsPayloadIsMissing) {
  ParseLimits limits;
  limits.large_bulk_bytes = 8;
  const std::string whole = encode({"SET", "k", "12345678"});
  const std::size_t payload = whole.size() - 10;
  RequestParser parser(limits);
  std::vector<std::string_view> args;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ParseStatus status = parser.parse(std::string_view(whole).substr(0, size), args).status;
    if (size >= payload && size < payload + 8) {
      EXPECT_EQ(status, ParseStatus::bulk_begins) << size;
      EXPECT_EQ(parser.pending_bulk().length, 8U);
      EXPECT_EQ(parser.pending_bulk().received, size - payload);
    } else {
      EXPECT_EQ(status, ParseStatus::need_more) << size;
    }
  }
  EXPECT_EQ(parser.parse(whole, args).status, ParseStatus::request);
  EXPECT_EQ(args[2], "12345678");
}

TEST(RequestParser, SmallerBulksAreNotReported) {
  ParseLimits limits;
  limits.large_bulk_bytes = 9;
  RequestParser parser(limits);
  std::vector<std::string_view> args;
  EXPECT_EQ(parser.parse("*1\r\n$8\r\n123", args).status, ParseStatus::need_more);
}

TEST(RequestParser, ADivertedBulkIsReadFromItsDestination) {
  ParseLimits limits;
  limits.large_bulk_bytes = 8;
  RequestParser parser(limits);
  std::vector<std::string_view> args;
  std::string window = "*3\r\n$3\r\nSET\r\n$10\r\n01234";
  ASSERT_EQ(parser.parse(window, args).status, ParseStatus::bulk_begins);
  ASSERT_EQ(parser.pending_bulk().received, 5U);
  const std::string destination = "0123456789";
  window.resize(window.size() - 5);
  parser.divert_bulk(destination.data());
  EXPECT_EQ(parser.parse(window, args).status, ParseStatus::need_more);
  window += "\r\n$1\r\nv\r\nPING\r\n";
  const ParseStep step = parser.parse(window, args);
  ASSERT_EQ(step.status, ParseStatus::request);
  EXPECT_EQ(step.consumed, window.size() - 6);
  ASSERT_EQ(args.size(), 3U);
  EXPECT_EQ(args[1].data(), destination.data());
  EXPECT_EQ(args[1], destination);
  EXPECT_EQ(args[2], "v");
}

}  // namespace
}  // namespace strata::protocol
