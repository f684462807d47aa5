#include "protocol/crc64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace strata::protocol {
namespace {

TEST(Crc64Test, HasTheKnownCheckValue) { EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9caU); }

TEST(Crc64Test, IsTheRemainderBitByBit) {
  std::mt19937 random(1);
  std::string text(1000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  std::uint64_t expected = 0;
  for (const char c : text) {
    expected ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) expected = expected >> 1U ^ ((expected & 1U) != 0 ? 0x95ac9329ac4bc9b5U : 0);
  }
  EXPECT_EQ(crc64(0, text), expected);
  for (std::size_t cut = 0; cut <= text.size(); cut += 7) {
    EXPECT_EQ(crc64(crc64(0, std::string_view(text).substr(0, cut)), std::string_view(text).substr(cut)), expected);
  }
}

}  // namespace
}  // namespace strata::protocol
