#include "engine/sync/lock_free_stack.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

struct Item : LockFreeStackNode {
  int visits = 0;
};
using Stack = LockFreeStack<Item>;

TEST(LockFreeStackTest, TheLastPushedIsOnTop) {
  Stack stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_EQ(stack.take_all(), nullptr);
  std::array<Item, 3> items;
  EXPECT_TRUE(stack.push(items[0]));
  EXPECT_FALSE(stack.push(items[1]));
  EXPECT_FALSE(stack.push(items[2]));
  EXPECT_FALSE(stack.empty());
  Item* const top = stack.take_all();
  EXPECT_TRUE(stack.empty());
  ASSERT_EQ(top, &items[2]);
  ASSERT_EQ(Stack::below(*top), &items[1]);
  ASSERT_EQ(Stack::below(items[1]), &items[0]);
  EXPECT_EQ(Stack::below(items[0]), nullptr);
}

TEST(LockFreeStackTest, AChainLiesOnWhatWasThere) {
  Stack stack;
  std::array<Item, 4> items;
  stack.push(items[0]);
  items[3].below = &items[2];
  items[2].below = &items[1];
  EXPECT_FALSE(stack.push_chain(items[3], items[1]));
  Item* item = stack.take_all();
  for (std::size_t index = items.size(); index-- > 0; item = Stack::below(*item)) ASSERT_EQ(item, &items[index]);
  EXPECT_EQ(item, nullptr);
}

// Items go round: whoever takes some pushes them again, singly or as a chain. None is lost, and none is in two hands: `visits` is no
// atomic, so the thread sanitizer sees it too.
TEST(LockFreeStackTest, ItemsThatGoRoundAreNeitherLostNorDoubled) {
  constexpr std::size_t kThreads = 4;
  constexpr int kRounds = 100'000;
  Stack stack;
  std::latch all_there(kThreads);
  std::vector<Item> items(64);
  for (Item& item : items) stack.push(item);
  std::atomic<int> visits = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      all_there.arrive_and_wait();
      for (int round = 0; round < kRounds; ++round) {
        Item* const top = stack.take_all();
        if (top == nullptr) continue;
        Item* bottom = top;
        int count = 0;
        for (Item* item = top; item != nullptr; item = Stack::below(*item)) {
          ++item->visits;
          ++count;
          bottom = item;
        }
        visits += count;
        if (thread % 2 == 0) {
          stack.push_chain(*top, *bottom);
          continue;
        }
        for (Item* item = top; item != nullptr;) {
          Item* const next = Stack::below(*item);
          stack.push(*item);
          item = next;
        }
      }
    });
  }
  threads.clear();
  std::size_t left = 0;
  for (const Item* item = stack.take_all(); item != nullptr; item = Stack::below(*item)) ++left;
  EXPECT_EQ(left, items.size());
  int sum = 0;
  for (const Item& item : items) sum += item.visits;
  EXPECT_EQ(sum, visits);
}

}  // namespace
}  // namespace strata::sync
