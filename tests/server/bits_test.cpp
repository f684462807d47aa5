#include "server/commands/bits.h"

#include <gtest/gtest.h>

#include <bitset>
#include <random>
#include <string>
#include <vector>

namespace strata::server::bits {
namespace {

std::string random_bytes(std::mt19937& random, std::size_t size, unsigned zeros) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = random() % 8 < zeros ? '\0' : static_cast<char>(random());
  return bytes;
}

bool bit_of(std::string_view bytes, std::uint64_t at) {
  return at / 8 < bytes.size() && (unsigned{static_cast<unsigned char>(bytes[at / 8])} >> (7 - at % 8) & 1U) != 0;
}

TEST(BitsTest, CountsAsOneBitAfterAnother) {
  std::mt19937 random(1);
  for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 247U, 248U, 249U, 1000U, 4099U}) {
    const std::string bytes = random_bytes(random, size, 2);
    std::uint64_t expected = 0;
    for (std::uint64_t i = 0; i < size * 8; ++i) expected += bit_of(bytes, i) ? 1U : 0U;
    EXPECT_EQ(count(bytes), expected) << size;
    EXPECT_EQ(count(std::string(size, '\xff')), size * 8);
  }
}

TEST(BitsTest, FindsAsOneBitAfterAnother) {
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = random_bytes(random, 1 + random() % 40, 7);
    const bool bit = random() % 2 == 0;
    if (!bit) {
      for (char& byte : bytes) byte = static_cast<char>(~byte);
    }
    const std::uint64_t first = random() % (bytes.size() * 8);
    const std::uint64_t last = first + random() % (bytes.size() * 8 - first);
    std::optional<std::uint64_t> expected;
    for (std::uint64_t i = first; i <= last && !expected; ++i) {
      if (bit_of(bytes, i) == bit) expected = i;
    }
    ASSERT_EQ(find(bytes, first, last, bit), expected) << first << ' ' << last;
  }
}

TEST(BitsTest, LoadsWhatItStoredAndNothingElse) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::mt19937 small(static_cast<unsigned>(round));
    const std::string before = random_bytes(small, 20, 0);
    const auto size = static_cast<unsigned>(1 + random() % 64);
    const std::uint64_t offset = random() % (20 * 8 - size + 1);
    const std::uint64_t number = size == 64 ? random() : random() & ((std::uint64_t{1} << size) - 1);
    std::string after = before;
    store(after, offset, size, number);
    ASSERT_EQ(load(after, offset, size), number);
    for (std::uint64_t i = 0; i < 160; ++i) {
      const bool inside = i >= offset && i < offset + size;
      ASSERT_EQ(bit_of(after, i), inside ? (number >> (size - 1 - (i - offset)) & 1) != 0 : bit_of(before, i));
    }
  }
  EXPECT_EQ(load("\xff", 4, 8), 0xf0U);  // zeros behind the end
  EXPECT_EQ(load("", 1'000'000, 64), 0U);
}

TEST(BitsTest, CombinesAsOneBitAfterAnother) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> sources;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) {
      sources.push_back(random_bytes(random, random() % 9000, 2));
      longest = std::max(longest, sources.back().size());
    }
    const std::vector<std::string_view> views(sources.begin(), sources.end());
    for (auto operation : {Operation::conjunction, Operation::disjunction, Operation::exclusive, Operation::negation,
                           Operation::first_only, Operation::others_only, Operation::first_and_other, Operation::exactly_one}) {
      std::string result(longest, '?');
      const std::size_t cut = random() % (longest + 1);
      combine(operation, views, 0, std::span(result).first(cut));
      combine(operation, views, cut, std::span(result).subspan(cut));
      for (std::uint64_t i = 0; i < longest * 8; i += 1 + random() % 5) {
        std::size_t set = 0;
        for (const std::string& source : sources) set += bit_of(source, i) ? 1U : 0U;
        const bool first = bit_of(sources[0], i);
        const bool others = set > (first ? 1U : 0U);
        const bool expected = operation == Operation::conjunction       ? set == sources.size()
                              : operation == Operation::disjunction     ? set > 0
                              : operation == Operation::exclusive       ? set % 2 == 1
                              : operation == Operation::negation        ? !first
                              : operation == Operation::first_only      ? first && !others
                              : operation == Operation::others_only     ? !first && others
                              : operation == Operation::first_and_other ? first && others
                                                                        : set == 1;
        ASSERT_EQ(bit_of(result, i), expected) << static_cast<int>(operation) << " bit " << i;
      }
    }
  }
}

}  // namespace
}  // namespace strata::server::bits
