#include "engine/sync/bounded_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

TEST(BoundedQueueTest, FirstInFirstOutUntilFull) {
  BoundedQueue<int> queue(3);
  ASSERT_EQ(queue.capacity(), 4U);
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(queue.try_pop().has_value());
    for (int item = 0; item < 4; ++item) EXPECT_TRUE(queue.try_push(int{item}));
    EXPECT_FALSE(queue.try_push(4));
    for (int item = 0; item < 4; ++item) EXPECT_EQ(queue.try_pop(), item);
  }
  EXPECT_FALSE(queue.try_pop().has_value());
}

TEST(BoundedQueueTest, AnItemThatFindsNoPlaceIsAsItWas) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  ASSERT_TRUE(queue.try_push(std::make_unique<int>(1)));
  ASSERT_TRUE(queue.try_push(std::make_unique<int>(2)));
  auto item = std::make_unique<int>(3);
  EXPECT_FALSE(queue.try_push(item));
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(*queue.pop().value(), 1);
  EXPECT_TRUE(queue.try_push(item));
  EXPECT_EQ(item, nullptr);
}

TEST(BoundedQueueTest, DestroysWhatNobodyPopped) {
  const auto shared = std::make_shared<int>(0);
  {
    BoundedQueue<std::shared_ptr<int>> queue(4);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue.push(shared));
    EXPECT_EQ(shared.use_count(), 5);
    (void)queue.pop();
    EXPECT_EQ(shared.use_count(), 4);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(BoundedQueueTest, CloseLetsTheRestBePopped) {
  BoundedQueue<int> queue(4);
  ASSERT_TRUE(queue.push(1));
  ASSERT_TRUE(queue.push(2));
  EXPECT_FALSE(queue.closed());
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.push(3));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueueTest, CloseEndsThoseThatWait) {
  for (int round = 0; round < 100; ++round) {
    BoundedQueue<int> empty(2);
    BoundedQueue<int> full(2);
    ASSERT_TRUE(full.push(1));
    ASSERT_TRUE(full.push(2));
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(empty.pop(), std::nullopt); });
      threads.emplace_back([&] { EXPECT_FALSE(full.push(3)); });
    }
    if (round % 2 == 0) std::this_thread::yield();
    empty.close();
    full.close();
    threads.clear();
    EXPECT_EQ(full.pop(), 1);
    EXPECT_EQ(full.pop(), 2);
    EXPECT_EQ(full.pop(), std::nullopt);
  }
}

// A push that stands half way for as long as the test likes: while it moves the item into its place.
struct Gate {
  std::latch entered{1};
  std::latch open{1};
};
struct Gated {
  explicit Gated(Gate* at = nullptr) : gate(at) {}
  Gated(Gated&& other) noexcept : gate(nullptr) {
    if (other.gate == nullptr) return;
    other.gate->entered.count_down();
    other.gate->open.wait();
  }
  Gated& operator=(Gated&&) = delete;
  Gate* gate;
};

// So that threads sleep, mostly; what must come out is the same if they do not yet.
void let_others_sleep() {
  for (int turn = 0; turn < 2'000; ++turn) std::this_thread::yield();
}

TEST(BoundedQueueTest, APushHalfWayHoldsBackThoseBehindAndTheEnd) {
  Gate gate;
  BoundedQueue<Gated> queue(4);
  std::jthread producer([&] { EXPECT_TRUE(queue.try_push(Gated(&gate))); });
  gate.entered.wait();
  EXPECT_TRUE(queue.try_push(Gated()));
  EXPECT_FALSE(queue.try_pop().has_value());
  queue.close();
  std::atomic<int> popped = 0;
  std::atomic<int> ended = 0;
  std::vector<std::jthread> consumers;
  consumers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    consumers.emplace_back([&] {
      if (queue.pop().has_value()) {
        ++popped;
      } else {
        ++ended;
      }
    });
  }
  let_others_sleep();
  EXPECT_EQ(popped + ended, 0);
  gate.open.count_down();
  consumers.clear();
  EXPECT_EQ(popped, 2);
  EXPECT_EQ(ended, 2);
}

// An item that stops at its second move, which is the one out of its place.
struct GatedOnTheWayOut {
  explicit GatedOnTheWayOut(Gate* at = nullptr) : gate(at) {}
  GatedOnTheWayOut(GatedOnTheWayOut&& other) noexcept : gate(other.gate), moves(other.moves + 1) {
    if (gate == nullptr || moves != 2) return;
    gate->entered.count_down();
    gate->open.wait();
  }
  GatedOnTheWayOut& operator=(GatedOnTheWayOut&&) = delete;
  Gate* gate;
  int moves = 0;
};

// Here a wake-up that is lost is a test that does not end: nothing else is pushed or popped, and nothing closed.
TEST(BoundedQueueTest, PushesThatFinishInTheWrongOrderWakeOneForEach) {
  Gate gate;
  BoundedQueue<Gated> queue(4);
  std::vector<std::jthread> consumers;
  consumers.reserve(2);
  for (int i = 0; i < 2; ++i) {
    consumers.emplace_back([&] { EXPECT_TRUE(queue.pop().has_value()); });
  }
  let_others_sleep();
  std::jthread slow([&] { EXPECT_TRUE(queue.try_push(Gated(&gate))); });
  gate.entered.wait();
  EXPECT_TRUE(queue.try_push(Gated()));
  // The one woken for it finds the slow push in its way.
  let_others_sleep();
  gate.open.count_down();
  consumers.clear();
}

TEST(BoundedQueueTest, PopsThatFinishInTheWrongOrderWakeOneForEach) {
  Gate gate;
  BoundedQueue<GatedOnTheWayOut> queue(2);
  ASSERT_TRUE(queue.try_push(GatedOnTheWayOut(&gate)));
  ASSERT_TRUE(queue.try_push(GatedOnTheWayOut()));
  std::vector<std::jthread> producers;
  producers.reserve(2);
  for (int i = 0; i < 2; ++i) {
    producers.emplace_back([&] { EXPECT_TRUE(queue.push(GatedOnTheWayOut())); });
  }
  let_others_sleep();
  std::jthread slow([&] { EXPECT_TRUE(queue.try_pop().has_value()); });
  gate.entered.wait();
  EXPECT_TRUE(queue.try_pop().has_value());
  let_others_sleep();
  gate.open.count_down();
  producers.clear();
}

struct Numbered {
  std::size_t producer = 0;
  int number = 0;
};

// With two places both ends wait all the time. Each consumer sees each producer's items in order.
TEST(BoundedQueueTest, NothingIsLostDoubledOrOvertaken) {
  constexpr std::size_t kProducers = 4;
  constexpr std::size_t kConsumers = 4;
  constexpr int kItems = 5'000;
  BoundedQueue<Numbered> queue(2);
  std::atomic<std::int64_t> sum = 0;
  std::atomic<int> popped = 0;
  std::atomic<int> overtaken = 0;
  std::vector<std::jthread> consumers;
  consumers.reserve(kConsumers);
  for (std::size_t i = 0; i < kConsumers; ++i) {
    consumers.emplace_back([&] {
      std::array<int, kProducers> last{};
      while (const std::optional<Numbered> item = queue.pop()) {
        overtaken += item->number <= last[item->producer];
        last[item->producer] = item->number;
        sum += item->number;
        ++popped;
      }
    });
  }
  std::vector<std::jthread> producers;
  producers.reserve(kProducers);
  for (std::size_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (int number = 1; number <= kItems; ++number) EXPECT_TRUE(queue.push({.producer = producer, .number = number}));
    });
  }
  producers.clear();
  queue.close();
  consumers.clear();
  EXPECT_EQ(popped, static_cast<int>(kProducers) * kItems);
  EXPECT_EQ(sum, static_cast<std::int64_t>(kProducers) * kItems * (kItems + 1) / 2);
  EXPECT_EQ(overtaken, 0);
}

// What was pushed with success comes out, whatever the moment of closing; nobody sleeps for ever.
TEST(BoundedQueueTest, ClosingInTheMiddleLosesNothing) {
  for (int round = 0; round < 100; ++round) {
    BoundedQueue<int> queue(4);
    std::atomic<int> pushed = 0;
    std::atomic<int> popped = 0;
    std::vector<std::jthread> threads;
    threads.reserve(6);
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        while (queue.push(1)) ++pushed;
      });
      threads.emplace_back([&] {
        while (queue.pop().has_value()) ++popped;
      });
    }
    while (popped < round) std::this_thread::yield();
    queue.close();
    threads.clear();
    ASSERT_EQ(popped, pushed);
  }
}

}  // namespace
}  // namespace strata::sync
