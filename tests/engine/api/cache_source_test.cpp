// A cache in front of a source of the data: look-aside, read-through, write-through, write-behind.
#include <gtest/gtest.h>
#include <strata/cache.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace strata::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMemory = std::uint64_t{64} << 20U;
constexpr milliseconds kLong{60'000};

class SourceTest : public testing::Test {
 protected:
  class cache cache {
    kMemory
  };
};

class LookAside : public SourceTest {};

TEST_F(LookAside, AddDoesNotOverwriteWhatIsNewer) {
  // Read from the source before it was changed, stored after.
  const std::string old = "old";
  EXPECT_EQ(cache.get("key"), std::nullopt);
  EXPECT_EQ(cache.put("key", "new"), STRATA_OK);
  EXPECT_EQ(cache.add("key", old), STRATA_ALREADY_THERE);
  EXPECT_EQ(cache.get("key"), "new");
}

class ReadThrough : public SourceTest {};

TEST_F(ReadThrough, OneThreadLoadsAndTheOthersWait) {
  constexpr int kThreads = 8;
  std::atomic<int> loads = 0;
  const auto load = [&](std::string_view key) -> std::optional<std::string> {
    // Were each thread to load for itself, no two would wait for the others to wait.
    if (++loads == 1) {
      while (cache.statistics().waiting != kThreads - 1U && loads == 1) std::this_thread::yield();
    }
    return "value of " + std::string(key);
  };
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      if (cache.get_or_load("key", load) == "value of key") ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads);
  EXPECT_EQ(loads, 1);
  const strata_cache_statistics told = cache.statistics();
  EXPECT_EQ(told.loads, 1U);
  EXPECT_EQ(told.shared_loads, kThreads - 1U);
  EXPECT_EQ(told.waiting, 0U);
}

TEST_F(ReadThrough, WhatTheSourceHasNotIsAskedForAgain) {
  int loads = 0;
  const auto none = [&](std::string_view) -> std::optional<std::string> { return ++loads, std::nullopt; };
  EXPECT_EQ(cache.get_or_load("key", none), std::nullopt);
  EXPECT_EQ(cache.get_or_load("key", none), std::nullopt);
  EXPECT_EQ(loads, 2);
}

TEST_F(ReadThrough, AFailureReachesAllWhoWaitAndIsNotStored) {
  std::atomic<bool> second_tried = false;
  const auto fail = [&](std::string_view) -> std::optional<std::string> {
    while (cache.statistics().waiting == 0 && !second_tried) std::this_thread::yield();
    throw std::runtime_error("the source is away");
  };
  std::thread first([&] { EXPECT_THROW((void)cache.get_or_load("key", fail), std::runtime_error); });
  while (cache.statistics().loads == 0) std::this_thread::yield();
  const auto second = [&](std::string_view) { return second_tried = true, std::optional<std::string>("second try"); };
  EXPECT_EQ(cache.get_or_load("key", second), std::nullopt);
  first.join();
  EXPECT_FALSE(second_tried);
  EXPECT_EQ(cache.get_or_load("key", [](std::string_view) { return std::optional<std::string>("second try"); }), "second try");
}

// Changes the cache from another thread while the key is loaded.
template <typename Change>
std::optional<std::string> load_while(class cache& cache, Change&& change) {
  return cache.get_or_load("key", [&](std::string_view) {
    std::thread(change).join();
    return std::optional<std::string>("old");
  });
}

TEST_F(ReadThrough, WhatWasRemovedWhileItWasLoadedIsNotStored) {
  EXPECT_EQ(load_while(cache, [&] { cache.remove("key"); }), "old");
  EXPECT_EQ(cache.get("key"), std::nullopt);
  EXPECT_EQ(load_while(cache, [&] { cache.clear(); }), "old");
  EXPECT_EQ(cache.get("key"), std::nullopt);
  EXPECT_EQ(load_while(cache, [] {}), "old");
  EXPECT_EQ(cache.get("key"), "old");
}

TEST_F(ReadThrough, WhatWasWrittenWhileItWasLoadedStays) {
  EXPECT_EQ(load_while(cache, [&] { cache.put("key", "new"); }), "old");
  EXPECT_EQ(cache.get("key"), "new");
}

TEST_F(ReadThrough, ALoaderMayLoadOtherKeysButNotItsOwn) {
  const auto load = [&](std::string_view key) -> std::optional<std::string> {
    const auto other = cache.get_or_load("other", [](std::string_view) { return std::optional<std::string>("of another"); });
    EXPECT_EQ(cache.get_or_load(key, [](std::string_view) { return std::optional<std::string>("never"); }), std::nullopt);
    return other;
  };
  EXPECT_EQ(cache.get_or_load("key", load), "of another");
}

// Nobody is shown less than what was stored before its call, whatever is loaded, written and removed at the same time.
TEST_F(ReadThrough, NothingOlderThanTheSourceIsEverStored) {
  std::atomic<int> source = 0;
  std::atomic<bool> over = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!over) {
        const int least = source;  // its writer has removed what is older, but for the last
        // Nor by who only looks.
        const auto seen = cache.get("key");
        if (seen && std::stoi(*seen) < least - 1) ++wrong;
        const auto value =
            cache.get_or_load("key", [&](std::string_view) { return std::optional<std::string>(std::to_string(source)); });
        if (!value || std::stoi(*value) < least - 1) ++wrong;
      }
    });
  }
  for (int i = 1; i <= 20'000; ++i) {
    source = i;
    cache.remove("key");
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.get_or_load("key", [&](std::string_view) { return std::optional<std::string>(std::to_string(source)); }),
            "20000");
}

class WriteThrough : public SourceTest {};

TEST_F(WriteThrough, SourceAndCacheEndWithTheSameValue) {
  std::mutex mutex;
  std::string source;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        const auto write = [&](std::string_view, std::string_view value) {
          const std::lock_guard lock(mutex);
          source = value;
          return true;
        };
        EXPECT_EQ(cache.put_through("key", std::to_string(round) + ":" + std::to_string(thread), write), STRATA_OK);
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(cache.get("key"), source);
  }
}

TEST_F(WriteThrough, AFailingSourceLeavesNothingStale) {
  cache.put("key", "old");
  EXPECT_EQ(cache.put_through("key", "new", [](std::string_view, std::string_view) { return false; }), STRATA_SOURCE_FAILED);
  EXPECT_EQ(cache.get("key"), std::nullopt);
  cache.put("key", "old");
  EXPECT_THROW(
      cache.put_through("key", "new", [](std::string_view, std::string_view) -> bool { throw std::runtime_error("away"); }),
      std::runtime_error);
  EXPECT_EQ(cache.get("key"), std::nullopt);
  cache.put("key", "old");
  EXPECT_EQ(cache.remove_through("key", [](std::string_view) { return true; }), STRATA_OK);
  EXPECT_EQ(cache.get("key"), std::nullopt);
}

TEST_F(WriteThrough, WhoLoadsWaitsForTheWrite) {
  std::atomic<bool> writing = false;
  std::atomic<bool> loaded = false;
  std::thread reader;
  const auto write = [&](std::string_view, std::string_view) {
    writing = true;
    while (cache.statistics().waiting == 0 && !loaded) std::this_thread::yield();
    EXPECT_FALSE(loaded);
    return true;
  };
  reader = std::thread([&] {
    while (!writing) std::this_thread::yield();
    EXPECT_EQ(cache.get_or_load("key", [&](std::string_view) { return loaded = true, std::optional<std::string>("old"); }),
              "new");
  });
  EXPECT_EQ(cache.put_through("key", "new", write), STRATA_OK);
  reader.join();
  EXPECT_FALSE(loaded);
  EXPECT_EQ(cache.put_through("key", "x",
                              [&](std::string_view key, std::string_view) {
                                return cache.put_through(key, "y", [](std::string_view, std::string_view) { return true; }) ==
                                       STRATA_RECURSIVE;
                              }),
            STRATA_OK);
}

// A source that can be held up and made to fail.
class WriteBehind : public SourceTest {
 protected:
  write_behind::writer writer() {
    return [this](const std::vector<write_behind::change>& changes) {
      std::unique_lock lock(mutex);
      ++batches;
      changed.notify_all();
      changed.wait(lock, [this] { return open; });
      if (failures > 0) return --failures, false;
      for (const auto& [key, value] : changes) {
        order += std::string(key) + " ";
        value ? source[std::string(key)] = std::string(*value) : (source.erase(std::string(key)), "");
      }
      return true;
    };
  }
  void let_through() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  void wait_for_batch() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return batches > 0; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int failures = 0;
  int batches = 0;
  std::string order;
  std::map<std::string, std::string> source;
};

strata_write_behind_options bounded(std::uint64_t keys, bool refuses) {
  strata_write_behind_options options = STRATA_WRITE_BEHIND_OPTIONS_INIT;
  options.most_keys = keys;
  options.batch_keys = 2;
  options.first_retry_ms = 1;
  options.last_retry_ms = 2;
  options.refuses = refuses;
  return options;
}

TEST_F(WriteBehind, TheSourceGetsTheLastValueOfEachKeyInOrder) {
  write_behind queue(cache, writer(), bounded(100, false));
  queue.put("first", "1");
  wait_for_batch();  // the first is on its way
  for (int i = 0; i < 100; ++i) queue.put("second", std::to_string(i));
  queue.put("third", "3");
  queue.put("gone", "x");
  queue.remove("gone");
  EXPECT_EQ(cache.get("second"), "99");
  EXPECT_EQ(cache.get("gone"), std::nullopt);
  EXPECT_FALSE(queue.flush(milliseconds(1)));
  let_through();
  EXPECT_TRUE(queue.flush(kLong));
  EXPECT_EQ(order, "first second third gone ");
  EXPECT_EQ(source, (std::map<std::string, std::string>{{"first", "1"}, {"second", "99"}, {"third", "3"}}));
  EXPECT_EQ(queue.statistics().coalesced, 100U);
  EXPECT_EQ(queue.statistics().queued, 0U);
  EXPECT_EQ(queue.statistics().bytes, 0U);
}

TEST_F(WriteBehind, RefusesAtItsBoundAndChangesNothing) {
  write_behind queue(cache, writer(), bounded(2, true));
  EXPECT_EQ(queue.put("a", "1"), STRATA_OK);
  EXPECT_EQ(queue.put("b", "1"), STRATA_OK);
  EXPECT_EQ(queue.put("c", "1"), STRATA_QUEUE_FULL);
  EXPECT_EQ(cache.get("c"), std::nullopt);
  EXPECT_EQ(queue.put("a", "2"), STRATA_OK);  // it waits already
  EXPECT_EQ(queue.statistics().refused, 1U);
  let_through();
  EXPECT_TRUE(queue.flush(kLong));
  EXPECT_EQ(queue.put("c", "1"), STRATA_OK);
}

TEST_F(WriteBehind, WritersWaitAtItsBound) {
  write_behind queue(cache, writer(), bounded(2, false));
  queue.put("a", "1");
  queue.put("b", "1");
  std::atomic<bool> written = false;
  std::thread other([&] {
    EXPECT_EQ(queue.put("c", "1"), STRATA_OK);
    written = true;
  });
  while (queue.statistics().waits == 0) std::this_thread::yield();
  EXPECT_FALSE(written);
  let_through();
  other.join();
  EXPECT_TRUE(queue.flush(kLong));
  EXPECT_EQ(source.size(), 3U);
}

TEST_F(WriteBehind, TriesAgainAfterAFailure) {
  failures = 3;
  open = true;
  write_behind queue(cache, writer(), bounded(100, false));
  queue.put("a", "1");
  EXPECT_TRUE(queue.flush(kLong));
  EXPECT_EQ(source["a"], "1");
  EXPECT_EQ(queue.statistics().failures, 3U);
}

TEST_F(WriteBehind, WhatIsEvictedBeforeTheSourceHasItIsFound) {
  write_behind queue(cache, writer(), bounded(100, false));
  queue.put("a", "1");
  queue.put("gone", "1");
  queue.remove("gone");
  cache.remove("a");  // as an eviction does
  EXPECT_EQ(queue.get("a"), "1");
  EXPECT_EQ(cache.get("a"), "1");
  EXPECT_EQ(queue.get("gone"), std::nullopt);
  let_through();
}

TEST_F(WriteBehind, ItsBytesCountForTheLimit) {
  write_behind queue(cache, writer(), bounded(100, false));
  const std::uint64_t before = cache.statistics().used_bytes;
  queue.put("a", std::string(1000, 'x'));
  EXPECT_GE(cache.statistics().used_bytes, before + 2000);
  let_through();
  EXPECT_TRUE(queue.flush(kLong));
  EXPECT_LT(cache.statistics().used_bytes, before + 2000);
}

TEST_F(WriteBehind, ItsEndGivesTheSourceTheRest) {
  {
    write_behind queue(cache, writer(), bounded(100, false));
    for (int i = 0; i < 50; ++i) queue.put("key" + std::to_string(i), "value");
    let_through();
  }
  EXPECT_EQ(source.size(), 50U);
}

}  // namespace
}  // namespace strata::test
