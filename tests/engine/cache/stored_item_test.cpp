// Items where they lie: what is written is what is read, for every shape.
#include "engine/cache/stored_item.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "engine/cache/decision.h"

namespace strata::cache {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

struct Written {
  std::vector<std::uint64_t> memory;
  StoredItem item;
};
Written write(const NewItem& item) {
  const ItemShape shape = item.shape();
  std::vector<std::uint64_t> memory(shape.item_bytes() / 8 + 1);
  auto* const start = reinterpret_cast<std::byte*>(memory.data());
  item.write_behind_header(shape, shape.prefix_bytes(), start);
  chunk_word(start).store(shape.header());
  return {std::move(memory), StoredItem(start)};
}

TEST(StoredItem, GivesBackWhatWasWritten) {
  for (const std::size_t key_bytes : {0UL, 1UL, 16UL, 254UL, 255UL, 256UL, 70'000UL}) {
    for (const std::size_t value_bytes : {0UL, 1UL, 64UL, 32'766UL, 32'767UL, 32'768UL, 1'000'000UL}) {
      for (const Namespace ns : {Namespace{0}, Namespace{1}, Namespace{255}}) {
        for (const std::int64_t expiry :
             {kNoExpiry, kNow + 1, kNow - 1, kNow + kNearExpiryMs - 1, kNow + kNearExpiryMs, std::int64_t{1}}) {
          const std::string key(key_bytes, 'k');
          const std::string head(value_bytes / 3, 'h');
          const std::string tail(value_bytes - head.size(), 't');
          const Written written = write(
              {.ns = ns, .key = key, .head = head, .tail = tail, .encoding = Encoding::raw, .expiry_ms = expiry, .now_ms = kNow});
          ASSERT_EQ(written.item.key(), key);
          ASSERT_EQ(written.item.stored_value(), head + tail)
              << key_bytes << ' ' << value_bytes << ' ' << int{ns} << ' ' << expiry;
          ASSERT_EQ(written.item.ns(), ns);
          ASSERT_EQ(written.item.expiry_ms(kNow), expiry);
          ASSERT_EQ(written.item.has_expired(kNow), expiry <= kNow);
          ASSERT_TRUE(written.item.has_key(ns, key));
          ASSERT_FALSE(written.item.has_key(ns, key + "x"));
          ASSERT_FALSE(written.item.has_key(static_cast<Namespace>(ns + 1), key));
          if (!key.empty()) {
            ASSERT_FALSE(written.item.has_key(ns, key.substr(1) + "x"));
          }
        }
      }
    }
  }
}

// Whichever byte it is that differs.
TEST(StoredItem, IsOfItsKeyAlone) {
  for (const Namespace ns : {Namespace{0}, Namespace{3}}) {
    for (std::size_t size = 1; size <= 40; ++size) {
      std::string key(size, '\0');
      for (std::size_t i = 0; i < size; ++i) key[i] = static_cast<char>('a' + i % 26);
      const Written written = write({.ns = ns, .key = key, .head = "value", .tail = {}});
      EXPECT_TRUE(written.item.has_key(ns, key));
      EXPECT_FALSE(written.item.has_key(static_cast<Namespace>(ns + 1), key));
      EXPECT_FALSE(written.item.has_key(ns, key + "a"));
      EXPECT_FALSE(written.item.has_key(ns, std::string_view(key).substr(1)));
      for (std::size_t i = 0; i < size; ++i) {
        std::string other = key;
        other[i] = 'A';
        EXPECT_FALSE(written.item.has_key(ns, other)) << "byte " << i << " of " << size;
      }
    }
  }
  // What says when it was written is of database 0 all the same.
  const Written written = write({.key = "key", .head = "value", .tail = {}, .written_s = 5});
  EXPECT_TRUE(written.item.has_key(0, "key"));
  EXPECT_FALSE(written.item.has_key(1, "key"));
  EXPECT_FALSE(written.item.has_key(0, "kex"));
  // The length of this one is not mistaken for a short one and something else.
  const Written none = write({.ns = 3, .key = {}, .head = "value", .tail = {}});
  EXPECT_FALSE(none.item.has_key(3, std::string(16'384, 'k')));
}

TEST(StoredItem, TheExpiryChangesInPlaceWhereThereIsAWordForIt) {
  const NewItem near{.key = "key", .head = "value", .tail = {}, .expiry_ms = kNow + 1000, .now_ms = kNow};
  Written written = write(near);
  EXPECT_TRUE(written.item.set_expiry(kNow + 5000, kNow + 10));
  EXPECT_EQ(written.item.expiry_ms(kNow + 10), kNow + 5000);
  EXPECT_FALSE(written.item.set_expiry(kNow + kNearExpiryMs * 2, kNow));
  EXPECT_FALSE(written.item.set_expiry(kNoExpiry, kNow));
  EXPECT_EQ(written.item.expiry_ms(kNow), kNow + 5000);
  NewItem without = near;
  without.expiry_ms = kNoExpiry;
  Written plain = write(without);
  EXPECT_FALSE(plain.item.set_expiry(kNow + 1000, kNow));
  EXPECT_FALSE(plain.item.expires());
}

TEST(StoredInteger, TakesAsFewBytesAsHoldIt) {
  const auto bytes_for = [](std::string_view text) {
    char bytes[kMostIntegerBytes];
    return encode_integer(text, bytes);
  };
  EXPECT_EQ(bytes_for("12"), 1U);
  EXPECT_EQ(bytes_for("127"), 1U);
  EXPECT_EQ(bytes_for("128"), 2U);
  EXPECT_EQ(bytes_for("-128"), 1U);
  EXPECT_EQ(bytes_for("-129"), 2U);
  EXPECT_EQ(bytes_for("32767"), 2U);
  EXPECT_EQ(bytes_for("32768"), 3U);
  EXPECT_EQ(bytes_for("9223372036854775807"), 8U);
  EXPECT_EQ(bytes_for("-9223372036854775808"), 8U);
  // One digit is no longer than its number; the others are not the one way to write theirs.
  for (const char* text : {"", "7", "-", "-0", "007", "+12", " 12", "12 ", "1e3", "9223372036854775808", "12a", "0x10"})
    EXPECT_EQ(bytes_for(text), 0U) << text;
}

TEST(StoredInteger, ReadsAsItWasWritten) {
  std::vector<std::int64_t> numbers = {10, -10, std::numeric_limits<std::int64_t>::max(),
                                       std::numeric_limits<std::int64_t>::min()};
  for (unsigned bit = 4; bit < 63; ++bit) {
    for (const std::int64_t near : {-1, 0, 1}) {
      numbers.push_back((std::int64_t{1} << bit) + near);
      numbers.push_back(-(std::int64_t{1} << bit) + near);
    }
  }
  for (const std::int64_t number : numbers) {
    const std::string text = std::to_string(number);
    char bytes[kMostIntegerBytes];
    const std::size_t size = encode_integer(text, bytes);
    ASSERT_GT(size, 0U) << text;
    char digits[kMostIntegerDigits];
    ASSERT_EQ(decode_integer({bytes, size}, digits), text);
  }
}

}  // namespace
}  // namespace strata::cache
