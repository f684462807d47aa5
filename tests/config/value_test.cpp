#include "config/value.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "config/printable_text.h"
#include "config/settings.h"

namespace strata::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();

template <typename Value>
struct Case {
  std::string_view text;
  std::optional<Value> value;
};

TEST(Value, IntegersTakeTheWholeTextAndSaturate) {
  const Case<std::int64_t> cases[] = {
      {"0", 0},
      {"42", 42},
      {"-1", -1},
      {"007", 7},
      {"99999999999999999999", std::numeric_limits<std::int64_t>::max()},
      {"-99999999999999999999", std::numeric_limits<std::int64_t>::min()},
      {"", {}},
      {"-", {}},
      {"+1", {}},
      {" 1", {}},
      {"1 ", {}},
      {"1.0", {}},
      {"0x10", {}},
      {"1e3", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_integer(c.text), c.value) << c.text;
}

TEST(Value, OctalNumbers) {
  const Case<std::uint64_t> cases[] = {
      {"700", 0700}, {"0700", 0700}, {"0", 0}, {"8", {}}, {"", {}}, {"7x", {}}, {"7777777777777777777777777", kLargest}};
  for (const auto& c : cases) EXPECT_EQ(parse_octal(c.text), c.value) << c.text;
  EXPECT_EQ(format_octal(0750), "750");
}

TEST(Value, Sizes) {
  const Case<std::uint64_t> cases[] = {
      {"0", 0},
      {"1024", 1024},
      {"7b", 7},
      {"64kb", 65536},
      {"512mb", 512ULL << 20},
      {"512MB", 512ULL << 20},
      {"1gb", 1ULL << 30},
      {"2Tb", 2ULL << 40},
      {"1k", 1000},
      {"1m", 1000000},
      {"1g", 1000000000},
      {"1t", 1000000000000},
      {"3kib", 3072},
      {"1MiB", 1ULL << 20},
      {"1GiB", 1ULL << 30},
      {"1tib", 1ULL << 40},
      {"99999999tb", kLargest},
      {"99999999999999999999", kLargest},
      {"", {}},
      {"mb", {}},
      {"1.5gb", {}},
      {"1 gb", {}},
      {"1gbx", {}},
      {"-1", {}},
      {"1pb", {}},
      {"80%", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_size(c.text), c.value) << c.text;
}

TEST(Value, Durations) {
  const Case<milliseconds> cases[] = {
      {"0", 0ms},
      {"0s", 0ms},
      {"30", 30s},
      {"100ms", 100ms},
      {"30s", 30s},
      {"5m", 5min},
      {"2h", 2h},
      {"1d", 24h},
      {"1D", 24h},
      {"99999999999999999999d", milliseconds::max()},
      {"9999999999999999d", milliseconds::max()},
      {"", {}},
      {"s", {}},
      {"1 s", {}},
      {"-1s", {}},
      {"1.5s", {}},
      {"1w", {}},
      {"1us", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_duration(c.text), c.value) << c.text;
}

TEST(Value, PercentagesAndFlags) {
  const Case<std::uint64_t> percentages[] = {{"80%", 80}, {"0%", 0},   {"999%", 999}, {"80", {}},
                                             {"%", {}},   {"8%%", {}}, {"-1%", {}}};
  for (const auto& c : percentages) EXPECT_EQ(parse_percent(c.text), c.value) << c.text;
  const Case<bool> flags[] = {{"yes", true},  {"TRUE", true}, {"On", true}, {"no", false}, {"False", false},
                              {"off", false}, {"", {}},       {"1", {}},    {"y", {}},     {"yess", {}}};
  for (const auto& c : flags) EXPECT_EQ(parse_flag(c.text), c.value) << c.text;
}

TEST(Value, AddressesComeInTheirShortestSpelling) {
  const Case<std::string> cases[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"::1", "::1"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"FE80::00A0", "fe80::a0"},
      {"", {}},
      {"localhost", {}},
      {"*", {}},
      {"127.0.0", {}},
      {"256.0.0.1", {}},
      {"127.0.0.1:80", {}},
      {"[::1]", {}},
      {std::string_view("::1\0x", 5), {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_address(c.text), c.value) << c.text;
}

TEST(Value, FormattingTakesTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_size(1536), "1536");
  EXPECT_EQ(format_size(64 << 10), "64kb");
  EXPECT_EQ(format_size(1ULL << 40), "1tb");
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(300s), "5m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(365 * 24h), "365d");
}

TEST(Value, WhatIsFormattedParsesBack) {
  std::mt19937_64 random(20240917);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t bytes = random() >> (random() % 64);
    EXPECT_EQ(parse_size(format_size(bytes)), bytes);
    EXPECT_EQ(parse_octal(format_octal(bytes)), bytes);
    const milliseconds duration(static_cast<std::int64_t>(bytes >> 1));
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

TEST(Value, MemoryAmountsResolveWithoutOverflow) {
  using Unit = MemoryAmount::Unit;
  EXPECT_EQ((MemoryAmount{Unit::bytes, 5}).bytes_of(1000), 5U);
  EXPECT_EQ((MemoryAmount{Unit::percent, 80}).bytes_of(1000), 800U);
  EXPECT_EQ((MemoryAmount{Unit::percent, 50}).bytes_of(199), 99U);
  EXPECT_EQ((MemoryAmount{Unit::percent, 100}).bytes_of(kLargest), kLargest);
}

TEST(PrintableText, EscapesAndCuts) {
  EXPECT_EQ(quoted("plain \xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\x8E"), "\"plain \xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\x8E\"");
  EXPECT_EQ(quoted("a\n\x1b\x7f\xff"), R"("a\x0a\x1b\x7f\xff")");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("ab\xC3\xA9", 3), "ab...");  // no half characters
}

TEST(PrintableText, FindsTheFirstByteThatIsNotText) {
  constexpr auto kNone = std::string_view::npos;
  const struct {
    std::string_view text;
    std::size_t at;
  } cases[] = {
      {"", kNone},
      {"abc", kNone},
      {"\xC3\xA9", kNone},
      {"\xF4\x8F\xBF\xBF", kNone},
      {"ab\tc", 2},
      {std::string_view("a\0", 2), 1},
      {"\x7f", 0},
      {"a\x80", 1},
      {"a\xC3", 1},
      {"\xC0\xAF", 0},
      {"\xE0\x80\xAF", 0},
      {"\xED\xA0\x80", 0},
      {"\xF0\x80\x80\xAF", 0},
      {"\xF4\x90\x80\x80", 0},
      {"\xF5\x80\x80\x80", 0},
      {"\xC2\x85", 0},
  };
  for (const auto& c : cases) EXPECT_EQ(find_unprintable(c.text), c.at) << printable(c.text);
  EXPECT_EQ(find_unprintable("a\tb\n", "\t\n"), kNone);
}

}  // namespace
}  // namespace strata::config
