#include "engine/cache/order_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <random>

namespace strata::cache {
namespace {

using Kind = OrderEvent::Kind;

constexpr std::uint64_t kNone = 0;

class OrderListTest : public testing::Test {
 protected:
  void tell(std::uint64_t hash, Kind kind, bool moves = true) {
    const std::array<OrderEvent, 1> event = {OrderEvent{.hash = hash, .kind = kind}};
    order.apply(event, moves);
  }

  Budget budget;
  OrderList order{budget};
};

TEST_F(OrderListTest, KnowsOldestAndNewest) {
  for (std::uint64_t hash = 1; hash <= 5; ++hash) tell(hash, Kind::added);
  tell(2, Kind::touched);
  tell(4, Kind::removed);
  EXPECT_EQ(order.take_newest(), 2U);
  EXPECT_EQ(order.take_oldest(), 1U);
  EXPECT_EQ(order.take_oldest(), 3U);
  EXPECT_EQ(order.take_oldest(), 5U);
  EXPECT_EQ(order.take_oldest(), std::nullopt);
  EXPECT_EQ(order.take_newest(), std::nullopt);
}

TEST_F(OrderListTest, UseChangesNothingForWhoDoesNotWantIt) {
  for (std::uint64_t hash = 1; hash <= 3; ++hash) tell(hash, Kind::added, false);
  tell(1, Kind::touched, false);
  EXPECT_EQ(order.take_oldest(), 1U);
}

TEST_F(OrderListTest, WhatWasThereBeforeIsOldest) {
  tell(1, Kind::added);
  order.add_oldest(2);
  order.add_oldest(1);
  EXPECT_EQ(order.keys(), 2U);
  EXPECT_EQ(order.take_oldest(), 2U);
}

TEST_F(OrderListTest, TheHandGoesRound) {
  EXPECT_EQ(order.pass(kNone), std::nullopt);
  for (std::uint64_t hash = 1; hash <= 4; ++hash) tell(hash, Kind::added);
  EXPECT_EQ(order.pass(kNone), 1U);
  EXPECT_EQ(order.pass(kNone), 2U);
  order.remove(3);  // the next
  order.remove(1);
  tell(5, Kind::added);
  EXPECT_EQ(order.pass(kNone), 4U);
  EXPECT_EQ(order.pass(kNone), 5U);
  EXPECT_EQ(order.pass(kNone), 2U);
}

TEST_F(OrderListTest, TheHandDoesNotComeToWhatIsBeingAdded) {
  for (std::uint64_t hash = 1; hash <= 3; ++hash) tell(hash, Kind::added);
  EXPECT_EQ(order.pass(3), 1U);
  EXPECT_EQ(order.pass(3), 2U);
  EXPECT_EQ(order.pass(4), 1U);
}

TEST_F(OrderListTest, GivesItsMemoryBack) {
  for (std::uint64_t hash = 0; hash < 100'000; ++hash) tell(hash * 0x9E3779B97F4A7C15, Kind::added);
  EXPECT_EQ(order.keys(), 100'000U);
  EXPECT_LE(budget.bytes(Purpose::policy), 100'000U * 26);
  EXPECT_GE(budget.bytes(Purpose::policy), 100'000U * 20);
  order.clear();
  EXPECT_EQ(budget.total_bytes(), 0U);
  EXPECT_EQ(order.take_oldest(), std::nullopt);
  tell(1, Kind::added);
  EXPECT_EQ(order.take_oldest(), 1U);
}

TEST_F(OrderListTest, IsAsAListWouldBe) {
  std::list<std::uint64_t> model;
  std::mt19937_64 random(5);
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t hash = (random() % 6000) << 5U;  // many to a chain
    const auto known = std::find(model.begin(), model.end(), hash);
    switch (random() % 8) {
      case 0:
        tell(hash, Kind::removed);
        if (known != model.end()) model.erase(known);
        break;
      case 1: {
        const auto oldest = order.take_oldest();
        ASSERT_EQ(oldest.has_value(), !model.empty());
        if (!oldest) break;
        ASSERT_EQ(*oldest, model.front());
        model.pop_front();
        break;
      }
      default:
        tell(hash, known == model.end() ? Kind::added : Kind::touched);
        if (known != model.end()) model.erase(known);
        model.push_back(hash);
    }
    ASSERT_EQ(order.keys(), model.size());
  }
}

}  // namespace
}  // namespace strata::cache
