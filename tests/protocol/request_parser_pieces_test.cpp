#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"
#include "tests/protocol/reference_parser.h"
#include "tests/protocol/request_feeder.h"

// How a stream is cut into pieces, where its windows lie, and where large arguments go must not change what it means.
namespace strata::protocol {
namespace {

using testing::encode;
using testing::feed;
using testing::feed_whole;
using testing::LargeBulks;
using testing::Meaning;
using testing::reference_meaning;
using testing::Request;

ParseLimits small_limits() {
  ParseLimits limits;
  limits.bulk_bytes = 300;
  limits.arguments = 20;
  limits.inline_bytes = 64;
  limits.large_bulk_bytes = 12;
  return limits;
}

class StreamGenerator {
 public:
  explicit StreamGenerator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string bytes(std::size_t length) {
    std::string text(length, ' ');
    for (char& byte : text) byte = below(3) == 0 ? static_cast<char>(below(256)) : pick("*$\r\n0123456789 \"'\\xab-");
    return text;
  }

  std::string pipeline() {
    std::string stream;
    for (std::size_t i = below(6) + 1; i > 0; --i) stream += request();
    return stream;
  }

  std::string mutated(std::string stream) {
    for (std::size_t i = below(4); i > 0 && !stream.empty(); --i) {
      const std::size_t at = below(stream.size());
      switch (below(4)) {
        case 0: stream[at] = pick("*$\r\n0123456789-+q\"' \\"); break;
        case 1: stream.erase(at, 1); break;
        case 2: stream.insert(at, 1, static_cast<char>(below(256))); break;
        default: stream.insert(at, below(80), pick("1a \n")); break;
      }
    }
    return stream;
  }

  std::vector<std::size_t> cuts(std::size_t size) {
    std::vector<std::size_t> offsets(below(12));
    for (std::size_t& offset : offsets) offset = below(size + 1);
    std::sort(offsets.begin(), offsets.end());
    return offsets;
  }

 private:
  char pick(std::string_view letters) { return letters[below(letters.size())]; }

  std::string request() {
    switch (below(8)) {
      case 0: return "*0\r\n";
      case 1: return below(2) == 0 ? "\r\n" : " \t\n";
      case 2:
      case 3: return inline_command();
      default: {
        Request request(below(6) + 1);
        for (std::string& argument : request) argument = bytes(below(4) == 0 ? below(60) : below(8));
        return encode(request);
      }
    }
  }

  std::string inline_command() {
    constexpr std::string_view kParts[] = {" ",    "\t",  "\"",   "'",       "\\",    "\\x41", "\\n",
                                           "\\\"", "\\'", "word", "\"a b\"", "'c d'", "\v"};
    std::string line = "q";
    for (std::size_t i = below(8); i > 0; --i) line += kParts[below(std::size(kParts))];
    return line + (below(2) == 0 ? "\n" : "\r\n");
  }

  std::mt19937_64 random_;
};

TEST(RequestParserPieces, ReferenceKnowsThePlainCases) {
  EXPECT_EQ(reference_meaning("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset a \"b c\"\n*", {}),
            (Meaning{{{"GET", "k"}, {"set", "a", "b c"}}, ""}));
  EXPECT_EQ(reference_meaning("*1\r\n:4\r\n", {}), (Meaning{{}, "Protocol error: expected '$', got ':'"}));
}

TEST(RequestParserPieces, PipelinesMayBeCutAtEveryByte) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const std::string stream = StreamGenerator(seed).pipeline();
    const Meaning expected = reference_meaning(stream, small_limits());
    ASSERT_EQ(feed_whole(stream, small_limits()), expected) << "seed " << seed;
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      for (const LargeBulks large_bulks : {LargeBulks::in_window, LargeBulks::diverted}) {
        ASSERT_EQ(feed(stream, {{cut}}, small_limits(), large_bulks), expected) << "seed " << seed << " cut " << cut;
      }
    }
  }
}

TEST(RequestParserPieces, StreamsMayArriveByteByByte) {
  for (std::uint64_t seed = 1000; seed < 1300; ++seed) {
    StreamGenerator generator(seed);
    const std::string stream = generator.mutated(generator.pipeline());
    std::vector<std::size_t> cuts(stream.size());
    std::iota(cuts.begin(), cuts.end(), std::size_t{0});
    const Meaning expected = reference_meaning(stream, small_limits());
    for (const LargeBulks large_bulks : {LargeBulks::in_window, LargeBulks::diverted}) {
      ASSERT_EQ(feed(stream, cuts, small_limits(), large_bulks), expected) << "seed " << seed;
    }
  }
}

TEST(RequestParserPieces, AgreesWithTheReferenceOnMutatedStreams) {
  for (std::uint64_t seed = 10'000; seed < 20'000; ++seed) {
    StreamGenerator generator(seed);
    const std::string stream = generator.mutated(generator.pipeline());
    ParseLimits limits = small_limits();
    limits.authenticated = generator.below(4) != 0;
    const Meaning expected = reference_meaning(stream, limits);
    ASSERT_EQ(feed_whole(stream, limits), expected) << "seed " << seed;
    ASSERT_EQ(feed(stream, generator.cuts(stream.size()), limits, LargeBulks::diverted), expected) << "seed " << seed;
    ASSERT_EQ(feed(stream, generator.cuts(stream.size()), limits, LargeBulks::in_window), expected) << "seed " << seed;
  }
}

TEST(RequestParserPieces, SeveralLargeBulksOfOneRequestMayBeDivertedAtEverySplit) {
  const Request request = {"MSET", "k1", std::string(20, 'x'), "k2", "12345678901234", "k3", "small", std::string(12, 'y')};
  const std::string stream = encode(request) + encode({"PING"});
  const Meaning expected{{request, {"PING"}}, ""};
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      ASSERT_EQ(feed(stream, {{first, second}}, small_limits(), LargeBulks::diverted), expected) << first << ' ' << second;
    }
  }
}

// 64 KiB of one line, a byte at a time, would take 2 billion steps if each window were read from its start.
TEST(RequestParserPieces, LongLinesMayTrickle) {
  constexpr std::size_t kLimit = 64 << 10;
  for (const std::string_view start : {"a", "*", "*1\r\n$"}) {
    const std::string stream = std::string(start) + std::string(kLimit + 1, '1');
    RequestParser parser;
    std::vector<std::string_view> args;
    std::size_t size = 0;
    while (parser.parse(std::string_view(stream).substr(0, size), args).status == ParseStatus::need_more) ++size;
    EXPECT_EQ(size, stream.rfind('\n') + 1 + kLimit + 1) << start;
    EXPECT_TRUE(parser.error().starts_with("Protocol error: too big")) << parser.error();
  }
}

TEST(RequestParserPieces, AMillionArgumentsMayTrickle) {
  constexpr std::size_t kArguments = 1024 * 1024;
  std::string stream = "*" + std::to_string(kArguments) + "\r\n";
  for (std::size_t i = 0; i < kArguments; ++i) stream += "$1\r\n" + std::string(1, static_cast<char>('a' + i % 26)) + "\r\n";

  RequestParser parser;
  std::vector<std::string_view> args;
  constexpr std::size_t kPiece = 15;
  for (std::size_t size = 0; size < stream.size(); size += kPiece) {
    ASSERT_EQ(parser.parse(std::string_view(stream).substr(0, size), args).status, ParseStatus::need_more) << size;
  }
  const ParseStep step = parser.parse(stream, args);
  ASSERT_EQ(step.status, ParseStatus::request);
  EXPECT_EQ(step.consumed, stream.size());
  ASSERT_EQ(args.size(), kArguments);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kArguments; ++i) {
    if (args[i] != std::string(1, static_cast<char>('a' + i % 26))) ++wrong;
  }
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace strata::protocol
