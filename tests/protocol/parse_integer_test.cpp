#include "protocol/parse_integer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace strata::protocol {
namespace {

TEST(ParseInteger, ReadsWholeRange) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("7"), 7);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("1234567890"), 1234567890);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseInteger, RefusesEveryOtherForm) {
  for (const std::string_view text : {"",
                                      "-",
                                      "+",
                                      "+1",
                                      "-0",
                                      "00",
                                      "01",
                                      "-01",
                                      " 1",
                                      "1 ",
                                      "1\n",
                                      "0x10",
                                      "1.0",
                                      "1e3",
                                      "a",
                                      "1a",
                                      "--1",
                                      "-+1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "-99999999999999999999"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(parse_integer(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(parse_integer(std::string_view("0\0", 2)), std::nullopt);
}

TEST(ParseInteger, ReadsNothingBehindTheText) {
  const std::string digits = "12345";
  EXPECT_EQ(parse_integer(std::string_view(digits).substr(0, 3)), 123);
}

}  // namespace
}  // namespace strata::protocol
