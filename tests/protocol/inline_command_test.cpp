#include "protocol/inline_command.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace strata::protocol {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view line) {
  std::vector<std::string_view> args;
  std::string decoded;
  EXPECT_TRUE(split_inline_command(line, args, decoded)) << line;
  return {args.begin(), args.end()};
}

bool balanced(std::string_view line) {
  std::vector<std::string_view> args = {"before"};
  std::string decoded;
  const bool result = split_inline_command(line, args, decoded);
  EXPECT_EQ(args.size() == 1, !result) << line;
  return result;
}

TEST(InlineCommand, SplitsAtBlanks) {
  EXPECT_EQ(split("PING"), (Words{"PING"}));
  EXPECT_EQ(split("  SET \t key\t\tvalue  "), (Words{"SET", "key", "value"}));
  EXPECT_EQ(split(""), Words{});
  EXPECT_EQ(split(" \t \v\f\r\n"), Words{});
  EXPECT_EQ(split("PING\rx"), (Words{"PING", "x"}));
}

TEST(InlineCommand, VerticalTabAndFormFeedAreBlanksOnlyBetweenWords) {
  EXPECT_EQ(split("\vecho\f \va"), (Words{"echo\f", "a"}));
  EXPECT_EQ(split("echo \"a\"\v"), (Words{"echo", "a"}));
}

TEST(InlineCommand, DecodesDoubleQuotes) {
  EXPECT_EQ(split(R"(echo "a b")"), (Words{"echo", "a b"}));
  EXPECT_EQ(split(R"(echo "\x41\n\r\t\b\a\q\"z")"), (Words{"echo", "A\n\r\t\b\aq\"z"}));
  EXPECT_EQ(split(R"("\xff\xAb\x0a")"), (Words{"\xff\xab\n"}));
  EXPECT_EQ(split(R"("\x00")"), (Words{std::string(1, '\0')}));
  EXPECT_EQ(split(R"("\x4" "\xzz" "\x4g")"), (Words{"x4", "xzz", "x4g"}));
  EXPECT_EQ(split(R"("it's")"), (Words{"it's"}));
  EXPECT_EQ(split(R"("")"), (Words{""}));
}

TEST(InlineCommand, DecodesSingleQuotes) {
  EXPECT_EQ(split(R"('a\'b\n' '"')"), (Words{"a'b\\n", "\""}));
  EXPECT_EQ(split("''"), (Words{""}));
  EXPECT_EQ(split(R"('\\x')"), (Words{"\\\\x"}));
}

TEST(InlineCommand, QuotesMayOpenInsideAWord) {
  EXPECT_EQ(split(R"(echo a"b c")"), (Words{"echo", "ab c"}));
  EXPECT_EQ(split(R"(a'b' c)"), (Words{"ab", "c"}));
}

TEST(InlineCommand, BackslashOutsideOfQuotesIsAByte) { EXPECT_EQ(split(R"(\x41 a\n)"), (Words{"\\x41", "a\\n"})); }

TEST(InlineCommand, NulIsAByte) {
  EXPECT_EQ(split(std::string_view("a\0b \"\0\"", 7)), (Words{std::string("a\0b", 3), std::string(1, '\0')}));
}

TEST(InlineCommand, RefusesUnbalancedQuotes) {
  for (const std::string_view line :
       {R"(")", R"(')", R"(echo "a)", R"(echo 'a)", R"(echo "a"b)", R"(echo 'a'b)", R"("a""b")", R"('a'"b")", R"("a\")",
        R"('a\')", R"("a\)", R"('a\)", R"('\\')", R"("\x4)", R"(ok "a" 'b)"}) {
    EXPECT_FALSE(balanced(line)) << line;
  }
}

TEST(InlineCommand, WordsWithoutQuotesAreViewsIntoTheLine) {
  const std::string line = "SET key \"a b\" tail";
  std::vector<std::string_view> args;
  std::string decoded = "of the line before";
  ASSERT_TRUE(split_inline_command(line, args, decoded));
  ASSERT_EQ(args.size(), 4U);
  EXPECT_EQ(args[1].data(), line.data() + 4);
  EXPECT_EQ(args[2].data(), decoded.data());
  EXPECT_EQ(args[3].data(), line.data() + line.size() - 4);
}

TEST(InlineCommand, DecodedWordsStayInPlaceWhileMoreFollow) {
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "\"w" + std::to_string(i) + "\" ";
  const Words words = split(line);
  ASSERT_EQ(words.size(), 1000U);
  for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(words[i], "w" + std::to_string(i));
}

}  // namespace
}  // namespace strata::protocol
