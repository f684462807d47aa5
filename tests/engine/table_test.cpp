#include "engine/cache/table.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>

namespace strata::cache {
namespace {

// One table alone, large enough for arrays of many segments.
class TableTest : public testing::Test {
 protected:
  static constexpr int kItems = 60'000;

  static std::string name(int i) { return "key" + std::to_string(i); }
  void insert(int i) {
    const std::string key = name(i);
    const std::uint64_t hash = hash_of(key, 1);
    table->insert(table->find(key, hash), Item::create(key, hash, 0));
    table->settle();
  }
  void remove(int i) {
    const std::string key = name(i);
    Item::destroy(table->unlink(table->find(key, hash_of(key, 1))));
    table->settle(7);  // no whole number of new buckets
  }
  bool contains(int i) {
    const std::string key = name(i);
    return *table->find(key, hash_of(key, 1)) != nullptr;
  }
  // Walks all buckets; each item must be met once, in a bucket that its hash falls into.
  void check_walk() {
    std::size_t met = 0;
    std::uint64_t longest = 0;
    for (std::uint64_t position = 0; position < kInnerEnd;) {
      const Table::Bucket bucket = table->bucket_at(position);
      ASSERT_EQ(bucket.begin, position);
      std::uint64_t length = 0;
      for (const Item* item = *bucket.head; item != nullptr; item = item->next, ++length) {
        ASSERT_GE(inner_position_of(item->hash()), bucket.begin);
        ASSERT_LT(inner_position_of(item->hash()), bucket.end);
      }
      met += length;
      longest = std::max(longest, length);
      position = bucket.end;
    }
    ASSERT_EQ(met, table->items());
    ASSERT_LT(longest, 16U);
    ASSERT_EQ(table->index_bytes(), budget.bytes(Purpose::index));
  }

  Budget budget;
  std::unique_ptr<Table> table = Table::create(budget);
};

TEST_F(TableTest, GrowsAndShrinksAStepAtATime) {
  for (int i = 0; i < kItems; ++i) {
    insert(i);
    if (i % 1777 == 0) {
      ASSERT_NO_FATAL_FAILURE(check_walk()) << i;
    }
  }
  EXPECT_GT(table->index_bytes(), kItems * sizeof(void*));
  for (int i = 0; i < kItems; ++i) ASSERT_TRUE(contains(i)) << i;
  for (int i = 0; i < kItems - 5; ++i) {
    remove(i);
    if (i % 1777 == 0) {
      ASSERT_NO_FATAL_FAILURE(check_walk()) << i;
    }
  }
  while (table->wants_to_settle()) table->settle(64);
  ASSERT_NO_FATAL_FAILURE(check_walk());
  EXPECT_LT(table->index_bytes(), 1000U);
  EXPECT_EQ(table->items(), 5U);
  EXPECT_TRUE(contains(kItems - 1));
  EXPECT_FALSE(contains(0));
  table.reset();
  EXPECT_EQ(budget.total_bytes(), 0U);
}

TEST_F(TableTest, OneChangeMovesLittle) {
  std::int64_t largest = 0;
  for (int i = 0; i < kItems; ++i) {
    const auto before = static_cast<std::int64_t>(budget.total_bytes());
    insert(i);
    largest = std::max(largest, std::abs(static_cast<std::int64_t>(budget.total_bytes()) - before));
  }
  EXPECT_LT(largest, 4 * 4096 * 8);  // a segment or two, never an array
}

}  // namespace
}  // namespace strata::cache
