#include "engine/sync/event_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

template <typename Condition>
void await(EventCount& event, Condition&& condition) {
  while (!condition()) {
    const EventCount::Ticket ticket = event.prepare();
    if (condition()) return event.cancel();
    event.wait(ticket);
  }
}

// A lost wake-up leaves both asleep.
TEST(EventCountTest, TwoThreadsByTurns) {
  constexpr int kTurns = 20'000;
  EventCount event;
  std::atomic<int> turn = 0;
  const auto play = [&](int parity) {
    for (int mine = parity; mine < kTurns; mine += 2) {
      await(event, [&] { return turn.load(std::memory_order_relaxed) == mine; });
      turn.store(mine + 1, std::memory_order_relaxed);
      event.notify_all();
    }
  };
  std::jthread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, kTurns);
}

TEST(EventCountTest, NotifyOneWakesOneForEachItem) {
  constexpr int kThreads = 4;
  constexpr int kItems = 20'000;
  EventCount event;
  std::atomic<int> items = 0;
  std::vector<std::jthread> takers;
  takers.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    takers.emplace_back([&] {
      for (int taken = 0; taken < kItems / kThreads; ++taken) {
        await(event, [&] {
          int left = items.load();
          while (left > 0) {
            if (items.compare_exchange_weak(left, left - 1)) return true;
          }
          return false;
        });
      }
    });
  }
  for (int i = 0; i < kItems; ++i) {
    ++items;
    event.notify_one();
  }
  takers.clear();
  EXPECT_EQ(items, 0);
}

TEST(EventCountTest, ATicketFromBeforeANotificationIsNotSleptOn) {
  EventCount event;
  const EventCount::Ticket ticket = event.prepare();
  event.notify_one();
  event.wait(ticket);
  const EventCount::Ticket next = event.prepare();
  EXPECT_NE(next, ticket);
  event.cancel();
  // Nobody waits: nothing to move on.
  event.notify_all();
  EXPECT_EQ(event.prepare(), next);
  event.cancel();
}

}  // namespace
}  // namespace strata::sync
