#include "protocol/dump_payload.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "protocol/crc64.h"
#include "protocol/lzf.h"

namespace strata::protocol {
namespace {

using namespace std::string_literals;

std::string dumped(std::string_view value) {
  const DumpHeader header = dump_header(value);
  std::string payload = header.bytes;
  if (!header.holds_value) payload.append(value);
  payload.push_back(static_cast<char>(kDumpVersion));
  payload.push_back('\0');
  return payload + dump_footer(crc64(0, payload));
}

// The value of a payload, or why there is none. The payload lies at the end of its memory, so that the sanitizers see a read behind it.
std::string value_of(std::string_view payload, std::size_t most_bytes = 1U << 20U) {
  const std::unique_ptr<char[]> copy(new char[payload.size() + 1]);
  payload.copy(copy.get() + 1, payload.size());
  const auto parts = dump_parts({copy.get() + 1, payload.size()});
  if (!parts || crc64(0, parts->summed) != parts->crc) return "<checksum>";
  const auto string = dumped_string(parts->content, most_bytes);
  if (!string) return "<format>";
  std::string value(string->size, '?');
  string->write_to(value.data());
  return value;
}

std::string sealed(const std::string& content, char version = 10) {
  const std::string summed = content + version + '\0';
  return summed + dump_footer(crc64(0, summed));
}

// Recorded from redis-server 7.0.15.
TEST(DumpPayloadTest, IsWhatRedisWrites) {
  EXPECT_EQ(dumped("hello"),
            "\x00\x05hello\x0a\x00"
            "cr\xdf"
            "ve4 \x0a"s);
}

TEST(DumpPayloadTest, ReadsWhatItWrites) {
  for (const char* value : {"",           "0",          "-1",          "127",         "128",
                            "-128",       "-129",       "32767",       "32768",       "-32769",
                            "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
                            "01",         "+1",         "1.5",         " 1",          "abc"})
    EXPECT_EQ(value_of(dumped(value)), value);
  for (const std::size_t size : {63U, 64U, 16'383U, 16'384U, 70'000U}) {
    const std::string value(size, 'v');
    EXPECT_EQ(value_of(dumped(value)), value);
  }
  EXPECT_TRUE(dump_header("-32769").holds_value);
  EXPECT_FALSE(dump_header("2147483648").holds_value);
}

TEST(DumpPayloadTest, ReadsEveryFormOfLength) {
  EXPECT_EQ(value_of(sealed("\x00\x03"s + "abc")), "abc");
  EXPECT_EQ(value_of(sealed("\x00\x40\x03"s + "abc")), "abc");
  EXPECT_EQ(value_of(sealed("\x00\x80\x00\x00\x00\x03"s + "abc")), "abc");
  EXPECT_EQ(value_of(sealed("\x00\x81\x00\x00\x00\x00\x00\x00\x00\x03"s + "abc")), "abc");
  EXPECT_EQ(value_of(sealed("\x00\x82\x00\x00\x00\x03"s + "abc")), "<format>");
}

TEST(DumpPayloadTest, UnpacksLzf) {
  // "ab" and then eight bytes from two before.
  EXPECT_EQ(value_of(sealed("\x00\xc3\x05\x0a\x01"s + "ab" + "\xc0\x01"s)), "ababababab");
  // A long reference: 7 + 255 + 2 bytes.
  EXPECT_EQ(value_of(sealed("\x00\xc3\x05\x41\x09\x00"s + "a" + "\xe0\xff\x00"s)), std::string(265, 'a'));
}

TEST(DumpPayloadTest, RefusesWhatIsDamaged) {
  const std::string good = dumped("some value");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_EQ(value_of(damaged), "<checksum>") << at;
    EXPECT_EQ(value_of(good.substr(0, at)), "<checksum>") << at;
  }
  EXPECT_EQ(value_of(sealed("\x00\x03"s + "abc", 13)), "abc");
  EXPECT_EQ(value_of(sealed("\x00\x03"s + "abc", 14)), "<checksum>");
  EXPECT_EQ(value_of(sealed("")), "<format>");
  EXPECT_EQ(value_of(sealed("\x01\x03"s + "abc")), "<format>");  // a list
  EXPECT_EQ(value_of(sealed("\x00\x04"s + "abc")), "<format>");  // cut off
  EXPECT_EQ(value_of(sealed("\x00\x02"s + "abc")), "<format>");  // something behind it
  EXPECT_EQ(value_of(sealed("\x00\xc4\x01"s)), "<format>");      // no such encoding
  EXPECT_EQ(value_of(sealed("\x00\xc2\x01\x02"s)), "<format>");  // half a number
  EXPECT_EQ(value_of(sealed("\x00\x0a"s + "0123456789"), 9), "<format>");
  for (const std::string& packed : {"\x05"s,
                                    "\x01"
                                    "a"s,
                                    "\xe0"s, "\xe0\x01"s, "\x20"s,
                                    "\x00"
                                    "a\x60\x01"s,
                                    "\x00"
                                    "a\x20\x01"s,
                                    ""s}) {
    const std::string content = "\x00\xc3"s + static_cast<char>(packed.size()) + "\x06" + packed;
    EXPECT_EQ(value_of(sealed(content)), "<format>") << testing::PrintToString(packed);
  }
  // A bomb: it says that it holds more than is allowed.
  EXPECT_EQ(value_of(sealed("\x00\xc3\x05\x80\x40\x00\x00\x00\x01"s + "ab" + "\xc0\x01"s)), "<format>");
}

TEST(DumpPayloadTest, AnyBytesAreReadOrRefused) {
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string content = round % 2 == 0 ? "\x00\xc3"s : "\x00"s;
    for (std::size_t i = random() % 30; i > 0; --i)
      content.push_back(static_cast<char>(random() % 3 == 0 ? random() % 8 : random()));
    EXPECT_LE(value_of(sealed(content), 1000).size(), 1000U);
  }
}

}  // namespace
}  // namespace strata::protocol
