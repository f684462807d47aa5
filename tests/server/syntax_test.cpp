#include "server/commands/syntax.h"

#include <gtest/gtest.h>

#include <string>

#include "server/commands/table.h"

namespace strata::server {
namespace {

// The arguments written back in one fixed form, so that a test is a pair of texts.
std::string written(const std::vector<Argument>& arguments);

std::string written(const Argument& argument) {
  std::string text;
  if (argument.kind == Argument::Kind::value) {
    text = argument.pure_token      ? std::string(argument.token)
           : argument.token.empty() ? std::string(argument.name)
                                    : std::string(argument.token) + ":" + std::string(argument.name);
  } else if (argument.kind == Argument::Kind::one_of) {
    for (const Argument& part : argument.parts) text += (text.empty() ? "" : "|") + written(part);
  } else {
    text = "(" + written(argument.parts) + ")";
  }
  if (argument.multiple) text += "+";
  return argument.optional ? "[" + text + "]" : text;
}

std::string written(const std::vector<Argument>& arguments) {
  std::string text;
  for (const Argument& argument : arguments) text += (text.empty() ? "" : " ") + written(argument);
  return text;
}

struct Case {
  const char* notation;
  const char* meaning;
};

class SyntaxTest : public testing::TestWithParam<Case> {};

TEST_P(SyntaxTest, ReadsTheNotation) { EXPECT_EQ(written(parse_syntax(GetParam().notation)), GetParam().meaning); }

INSTANTIATE_TEST_SUITE_P(Notations, SyntaxTest,
                         testing::Values(Case{"", ""}, Case{"key", "key"}, Case{"key value", "key value"},
                                         Case{"key [key ...]", "key+"}, Case{"key [GET a b|SET c]...", "key [(GET:a b)|SET:c+]"},
                                         Case{"key value [key value ...]", "(key value)+"}, Case{"[message]", "[message]"},
                                         Case{"key [NX|XX] [GET]", "key [NX|XX] [GET]"},
                                         Case{"[EX seconds|KEEPTTL]", "[EX:seconds|KEEPTTL]"},
                                         Case{"[ID client-id [client-id ...]]", "[ID:client-id+]"},
                                         Case{"LIB-NAME libname|LIB-VER libver", "LIB-NAME:libname|LIB-VER:libver"},
                                         Case{"[protover [AUTH username password]]", "[(protover [(AUTH:username password)])]"}));

TEST(SyntaxTest, EveryRowOfTheTableIsWellFormed) {
  const CommandTable table;
  for (const Command& command : table.all()) {
    std::size_t open = 0;
    for (const char c : command.spec->syntax) {
      if (c == '[') ++open;
      if (c == ']') {
        ASSERT_GT(open, 0U) << command.full_name;
        --open;
      }
    }
    EXPECT_EQ(open, 0U) << command.full_name;
    for (const Argument& argument : parse_syntax(command.spec->syntax)) {
      EXPECT_FALSE(written(argument).empty()) << command.full_name;
    }
  }
}

}  // namespace
}  // namespace strata::server
