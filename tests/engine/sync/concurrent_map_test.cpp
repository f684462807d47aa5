#include "engine/sync/concurrent_map.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace strata::sync {
namespace {

TEST(ConcurrentMapTest, DoesWhatAMapDoes) {
  ConcurrentMap<int, std::string> map(4);
  std::map<int, std::string> model;
  std::mt19937 random(20);
  for (int step = 0; step < 20'000; ++step) {
    const int key = static_cast<int>(random() % 200);
    const std::string value = std::to_string(step);
    switch (random() % 6) {
      case 0: EXPECT_EQ(map.insert(key, value), model.emplace(key, value).second); break;
      case 1: EXPECT_EQ(map.insert_or_assign(key, value), model.insert_or_assign(key, value).second); break;
      case 2: EXPECT_EQ(map.erase(key), model.erase(key) == 1); break;
      case 3: {
        const auto found = model.find(key);
        if (found != model.end()) found->second += "+";
        EXPECT_EQ(map.update(key, [](std::string& it) { it += "+"; }), found != model.end());
        break;
      }
      default: {
        const auto found = model.find(key);
        EXPECT_EQ(map.get(key), found == model.end() ? std::nullopt : std::optional(found->second));
        EXPECT_EQ(map.contains(key), found != model.end());
      }
    }
    ASSERT_EQ(map.size(), model.size());
  }
  std::map<int, std::string> seen;
  map.for_each([&](int key, const std::string& value) { EXPECT_TRUE(seen.emplace(key, value).second); });
  EXPECT_EQ(seen, model);
  map.clear();
  EXPECT_EQ(map.size(), 0U);
}

TEST(ConcurrentMapTest, OneShardAndManyShards) {
  for (const std::size_t shards : {0U, 1U, 3U, 1024U}) {
    ConcurrentMap<std::string, int> map(shards);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(map.insert("key " + std::to_string(i), i));
    EXPECT_EQ(map.size(), 1000U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(map.get("key " + std::to_string(i)), i);
  }
}

// What an erased value does when it is destroyed is done without the lock.
TEST(ConcurrentMapTest, AValueMayUseTheMapWhenItIsDestroyed) {
  struct Chained {
    ConcurrentMap<int, Chained>* map = nullptr;
    int next = 0;

    Chained() = default;
    Chained(ConcurrentMap<int, Chained>* of, int key) : map(of), next(key) {}
    Chained(Chained&& other) noexcept : map(std::exchange(other.map, nullptr)), next(other.next) {}
    Chained(const Chained&) = delete;
    Chained& operator=(const Chained&) = delete;
    Chained& operator=(Chained&&) = delete;
    ~Chained() {
      if (map != nullptr) (void)map->erase(next);
    }
  };
  ConcurrentMap<int, Chained> map(1);
  for (int key = 0; key < 10; ++key) ASSERT_TRUE(map.insert(key, Chained(&map, key + 1)));
  EXPECT_TRUE(map.erase(0));
  EXPECT_EQ(map.size(), 0U);
}

TEST(ConcurrentMapTest, UpdatesOfManyThreadsAllCount) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5'000;
  constexpr int kKeys = 16;
  ConcurrentMap<int, int> map(8);
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const int key = round % kKeys;
        (void)map.insert(key, 0);
        EXPECT_TRUE(map.update(key, [](int& value) { ++value; }));
      }
    });
  }
  threads.clear();
  int sum = 0;
  map.for_each([&](int, int value) { sum += value; });
  EXPECT_EQ(sum, kThreads * kRounds);
  EXPECT_EQ(map.size(), static_cast<std::size_t>(kKeys));
}

// A value is never seen half written, and each key has one owner at a time: only one insert wins, only one erase finds it.
TEST(ConcurrentMapTest, InsertAndEraseAgreeOnWhoWon) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5'000;
  ConcurrentMap<int, std::string> map(2);
  std::atomic<int> inserted = 0;
  std::atomic<int> erased = 0;
  std::atomic<int> torn = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (int round = 0; round < kRounds; ++round) {
        const int key = static_cast<int>(random() % 8);
        const std::string value(40, static_cast<char>('a' + i));
        if (random() % 2 == 0) {
          inserted += map.insert(key, value);
        } else {
          erased += map.erase(key);
        }
        map.read(static_cast<int>(random() % 8), [&](const std::string& found) {
          torn += found.size() != 40 || found.find_first_not_of(found[0]) != std::string::npos;
        });
        if (round % 64 == 0) map.for_each([&](int, const std::string& found) { torn += found.size() != 40; });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(static_cast<std::size_t>(inserted - erased), map.size());
}

}  // namespace
}  // namespace strata::sync
