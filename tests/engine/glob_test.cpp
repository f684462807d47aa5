#include "engine/cache/glob.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace strata::cache {
namespace {

using std::string_view_literals::operator""sv;

struct Case {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

// Each answer is that of redis-server 7.0.15: KEYS with the pattern, the text being the only key.
constexpr Case kCases[] = {
    {""sv, ""sv, true},
    {"**"sv, ""sv, false},
    {"a"sv, ""sv, false},
    {"?"sv, ""sv, false},
    {""sv, "a"sv, false},
    {"**"sv, "a"sv, true},
    {"a"sv, "a"sv, true},
    {"a"sv, "b"sv, false},
    {"a"sv, "ab"sv, false},
    {"ab"sv, "a"sv, false},
    {"a*"sv, "a"sv, true},
    {"a*"sv, "abc"sv, true},
    {"*c"sv, "abc"sv, true},
    {"*b*"sv, "abc"sv, true},
    {"*b"sv, "abc"sv, false},
    {"a*c"sv, "abc"sv, true},
    {"a*c"sv, "abcc"sv, true},
    {"a*c"sv, "abcd"sv, false},
    {"a**c"sv, "ac"sv, true},
    {"*a*b*c*"sv, "xxaxxbxxcxx"sv, true},
    {"?"sv, "a"sv, true},
    {"?"sv, "ab"sv, false},
    {"a?c"sv, "abc"sv, true},
    {"a?c"sv, "ac"sv, false},
    {"*?"sv, "a"sv, true},
    {"?*"sv, "a"sv, true},
    {"h[ae]llo"sv, "hello"sv, true},
    {"h[ae]llo"sv, "hillo"sv, false},
    {"h[^e]llo"sv, "hallo"sv, true},
    {"h[^e]llo"sv, "hello"sv, false},
    {"h[a-c]llo"sv, "hbllo"sv, true},
    {"h[a-c]llo"sv, "hdllo"sv, false},
    {"h[c-a]llo"sv, "hbllo"sv, true},
    {"[a-]"sv, "a"sv, true},
    {"[a-]"sv, "-"sv, false},
    {"[a-]"sv, "]"sv, true},
    {"[a-]"sv, "_"sv, true},
    {"[a-]]"sv, "b]"sv, false},
    {"[-a]"sv, "-"sv, true},
    {"[a-c-e]"sv, "-"sv, true},
    {"[a-c-e]"sv, "d"sv, false},
    {"[]"sv, "a"sv, false},
    {"[]a]"sv, "a"sv, false},
    {"[]a]"sv, "]"sv, false},
    {"[^]"sv, "a"sv, true},
    {"[^]"sv, ""sv, false},
    {"[^"sv, "a"sv, true},
    {"[^"sv, "ab"sv, false},
    {"["sv, "a"sv, false},
    {"["sv, "["sv, false},
    {"[a"sv, "a"sv, true},
    {"[a"sv, "["sv, false},
    {"[ab"sv, "b"sv, true},
    {"[a-"sv, "a"sv, true},
    {"[a-"sv, "-"sv, true},
    {"[^a"sv, "b"sv, true},
    {"[^a"sv, "a"sv, false},
    {"[\\]]"sv, "]"sv, true},
    {"[\\]]"sv, "\\"sv, false},
    {"[a\\-z]"sv, "-"sv, true},
    {"[a\\-z]"sv, "m"sv, false},
    {"[\\\\]"sv, "\\"sv, true},
    {"[\\"sv, "\\"sv, true},
    {"[a\\"sv, "\\"sv, true},
    {"[!a]"sv, "!"sv, true},
    {"[!a]"sv, "b"sv, false},
    {"[a^]"sv, "^"sv, true},
    {"[*]"sv, "*"sv, true},
    {"[*]"sv, "a"sv, false},
    {"[?]"sv, "?"sv, true},
    {"\\*"sv, "*"sv, true},
    {"\\*"sv, "a"sv, false},
    {"\\?"sv, "?"sv, true},
    {"\\?"sv, "a"sv, false},
    {"\\[a]"sv, "[a]"sv, true},
    {"\\a"sv, "a"sv, true},
    {"\\"sv, "\\"sv, true},
    {"a\\"sv, "a\\"sv, true},
    {"\\\\"sv, "\\"sv, true},
    {"A"sv, "a"sv, false},
    {"[A-Z]"sv, "a"sv, false},
    {"a\n*"sv, "a\nb"sv, true},
    {"]"sv, "]"sv, true},
    {"a]"sv, "a]"sv, true},
    {"*a*a*a*a*b"sv, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv, false},
    {"*a*a*a*a*b"sv, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"sv, true},
    {"*[ab]x"sv, "aaaabx"sv, true},
    {"*ab"sv, "aab"sv, true},
    {"*aab"sv, "aaab"sv, true},
    {"*[^"sv, "a"sv, true},
    {"[\200-\177]"sv, "a"sv, true},
    {"[\200-\177]"sv, "\377"sv, true},
    {"[a-\377]"sv, "b"sv, false},
    {"[a-\377]"sv, "A"sv, true},
    {"[a-\377]"sv, "\000"sv, true},
    {"a\000*"sv, "a\000b"sv, true},
    {"a\000c"sv, "a\000b"sv, false},
};

TEST(Glob, AnswersAsRedisSeven) {
  for (const Case& example : kCases) {
    EXPECT_EQ(glob_match(example.pattern, example.text), example.matches)
        << "pattern \"" << example.pattern << "\" text \"" << example.text << '"';
  }
}

TEST(Glob, LetterCaseIgnored) {
  const Case cases[] = {
      {"maxmemory"sv, "MAXMEMORY"sv, true},
      {"MAX*"sv, "maxmemory"sv, true},
      {"[A-M]"sv, "k"sv, true},
      {"[a-m]"sv, "K"sv, true},
      {"[^M]"sv, "m"sv, false},
      {"[M]"sv, "m"sv, true},
      {"\\A"sv, "a"sv, true},
      {"[\\M]"sv, "m"sv, false},
      {"[\\m]"sv, "m"sv, true},
      {"[a-Z]"sv, "m"sv, false},
      {"[A-z]"sv, "m"sv, true},
      {"[z-a]"sv, "M"sv, true},
      {"@"sv, "`"sv, false},
      {"["sv, "{"sv, false},
      {"\303\204"sv, "\303\244"sv, false},
  };
  for (const Case& example : cases) {
    EXPECT_EQ(glob_match(example.pattern, example.text, LetterCase::ignored), example.matches)
        << "pattern \"" << example.pattern << "\" text \"" << example.text << '"';
  }
  EXPECT_FALSE(glob_match("a", "A"));
}

TEST(Glob, HostilePatternsTakeBoundedWork) {
  // Trying every star anew would take longer than the universe has left.
  const std::string text(2000, 'a');
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_TRUE(glob_match(pattern, text));
  EXPECT_FALSE(glob_match(pattern + "*b", text));
  EXPECT_TRUE(glob_match(pattern + "*b", text + "b"));
  EXPECT_TRUE(glob_match(std::string(100'000, '*'), text));
}

TEST(Glob, ReadsNothingBehindPatternAndText) {
  // Exactly sized blocks, so that the address sanitizer sees one byte too many.
  for (const Case& example : kCases) {
    const std::vector<char> pattern(example.pattern.begin(), example.pattern.end());
    for (std::size_t cut = 0; cut <= pattern.size(); ++cut) {
      const std::vector<char> head(pattern.begin(), pattern.begin() + static_cast<std::ptrdiff_t>(cut));
      const std::vector<char> text(example.text.begin(), example.text.end());
      const std::string_view head_view(head.data(), head.size());
      const std::string_view text_view(text.data(), text.size());
      EXPECT_EQ(glob_match(head_view, text_view), glob_match(example.pattern.substr(0, cut), example.text));
    }
  }
}

}  // namespace
}  // namespace strata::cache
