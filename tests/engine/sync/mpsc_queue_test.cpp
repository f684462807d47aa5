#include "engine/sync/mpsc_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

struct Item : MpscQueueNode {
  int producer = 0;
  int number = 0;
};

// Lets a push stop between its two steps.
class QueueWithSteps : public MpscQueue<Item> {
 public:
  using MpscQueue<Item>::link;
  using MpscQueue<Item>::take_place;
};

TEST(MpscQueueTest, FirstInFirstOut) {
  MpscQueue<Item> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop(), nullptr);
  std::array<Item, 5> items;
  for (Item& item : items) queue.push(item);
  EXPECT_FALSE(queue.empty());
  for (Item& item : items) EXPECT_EQ(queue.pop(), &item);
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.empty());
}

TEST(MpscQueueTest, AnItemCanComeAgainAtOnce) {
  MpscQueue<Item> queue;
  Item item;
  for (int round = 0; round < 5; ++round) {
    queue.push(item);
    ASSERT_EQ(queue.pop(), &item);
    ASSERT_TRUE(queue.empty());
  }
  Item other;
  queue.push(item);
  for (int round = 0; round < 5; ++round) {
    queue.push(other);
    ASSERT_EQ(queue.pop(), &item);
    queue.push(item);
    ASSERT_EQ(queue.pop(), &other);
  }
}

TEST(MpscQueueTest, AChainStaysTogether) {
  MpscQueue<Item> queue;
  std::array<Item, 5> items;
  queue.push(items[0]);
  items[1].next = &items[2];
  items[2].next = &items[3];
  queue.push_chain(items[1], items[3]);
  queue.push(items[4]);
  for (Item& item : items) EXPECT_EQ(queue.pop(), &item);
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(MpscQueueTest, AProducerHalfWayHidesWhatIsPushedAfterIt) {
  QueueWithSteps queue;
  Item before;
  Item half_way;
  Item after;
  queue.push(before);
  MpscQueueNode& place = queue.take_place(half_way);
  queue.push(after);
  // Nobody may be popped before the next is linked: `before` waits too if the producer behind it is half way.
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_FALSE(queue.empty());
  QueueWithSteps::link(place, half_way);
  EXPECT_EQ(queue.pop(), &before);
  EXPECT_EQ(queue.pop(), &half_way);
  EXPECT_EQ(queue.pop(), &after);
  EXPECT_TRUE(queue.empty());
}

TEST(MpscQueueTest, AProducerHalfWayIntoAnEmptyQueueIsNoEmptyQueue) {
  QueueWithSteps queue;
  Item half_way;
  MpscQueueNode& place = queue.take_place(half_way);
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_FALSE(queue.empty());
  QueueWithSteps::link(place, half_way);
  EXPECT_EQ(queue.pop(), &half_way);
  EXPECT_TRUE(queue.empty());
}

TEST(MpscQueueTest, NothingIsLostAndEachProducersOrderStays) {
  constexpr int kProducers = 8;
  constexpr int kItems = 20'000;
  MpscQueue<Item> queue;
  std::latch all_there(kProducers + 1);
  std::vector<std::unique_ptr<Item[]>> items;
  items.reserve(kProducers);
  for (int producer = 0; producer < kProducers; ++producer) items.push_back(std::make_unique<Item[]>(kItems));
  std::vector<std::jthread> threads;
  threads.reserve(kProducers);
  for (int producer = 0; producer < kProducers; ++producer) {
    threads.emplace_back([&queue, &all_there, producer, own = items[static_cast<std::size_t>(producer)].get()] {
      all_there.arrive_and_wait();
      for (int number = 0; number < kItems; ++number) {
        own[number].producer = producer;
        own[number].number = number;
        queue.push(own[number]);
      }
    });
  }
  all_there.arrive_and_wait();
  std::array<int, kProducers> next{};
  int out_of_order = 0;
  for (int popped = 0; popped < kProducers * kItems;) {
    const Item* const item = queue.pop();
    if (item == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ++popped;
    int& expected = next[static_cast<std::size_t>(item->producer)];
    out_of_order += item->number != expected;
    ++expected;
  }
  threads.clear();
  EXPECT_EQ(out_of_order, 0);
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace strata::sync
