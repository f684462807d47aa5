#include "engine/sync/thread_registry.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::sync {
namespace {

using Log = std::vector<std::string>;

struct LoggingHook : ThreadExitHook {
  LoggingHook(Log& to, std::string what) : ThreadExitHook(write), log(to), name(std::move(what)) {}
  static void write(ThreadExitHook& hook) noexcept {
    auto& self = static_cast<LoggingHook&>(hook);
    self.log.push_back(self.name);
  }
  Log& log;
  std::string name;
};

template <typename Work>
void in_a_thread(Work&& work) {
  std::jthread(std::forward<Work>(work)).join();
}

TEST(ThreadExitHookTest, RunWhenTheThreadEndsTheLastAddedFirst) {
  Log log;
  LoggingHook first(log, "first");
  LoggingHook second(log, "second");
  LoggingHook third(log, "third");
  in_a_thread([&] {
    for (LoggingHook* hook : {&first, &second, &third}) ASSERT_TRUE(add_thread_exit_hook(*hook));
    log.emplace_back("work");
  });
  EXPECT_EQ(log, (Log{"work", "third", "second", "first"}));
  // They can be used again.
  in_a_thread([&] { ASSERT_TRUE(add_thread_exit_hook(second)); });
  EXPECT_EQ(log.size(), 5U);
}

TEST(ThreadExitHookTest, RunAfterThreadLocalObjectsAreGone) {
  struct Object {
    Log* log = nullptr;
    ~Object() {
      if (log != nullptr) log->emplace_back("object");
    }
  };
  Log log;
  LoggingHook hook(log, "hook");
  in_a_thread([&] {
    thread_local Object object;
    ASSERT_TRUE(add_thread_exit_hook(hook));
    object.log = &log;
  });
  EXPECT_EQ(log, (Log{"object", "hook"}));
}

TEST(ThreadExitHookTest, RemovedHooksDoNotRun) {
  Log log;
  LoggingHook first(log, "first");
  LoggingHook second(log, "second");
  LoggingHook third(log, "third");
  in_a_thread([&] {
    for (LoggingHook* hook : {&first, &second, &third}) ASSERT_TRUE(add_thread_exit_hook(*hook));
    remove_thread_exit_hook(second);
    remove_thread_exit_hook(second);
  });
  EXPECT_EQ(log, (Log{"third", "first"}));
}

// A hook that does something with other hooks.
struct ActingHook : ThreadExitHook {
  explicit ActingHook(std::function<void(ActingHook&)> what)
      : ThreadExitHook([](ThreadExitHook& hook) noexcept {
          auto& self = static_cast<ActingHook&>(hook);
          self.action(self);
        }),
        action(std::move(what)) {}
  std::function<void(ActingHook&)> action;
};

TEST(ThreadExitHookTest, AHookMayRemoveOneThatIsDue) {
  Log log;
  LoggingHook first(log, "first");
  LoggingHook second(log, "second");
  ActingHook third([&](ActingHook&) { remove_thread_exit_hook(second); });
  in_a_thread([&] {
    for (ThreadExitHook* hook : std::initializer_list<ThreadExitHook*>{&first, &second, &third})
      ASSERT_TRUE(add_thread_exit_hook(*hook));
  });
  EXPECT_EQ(log, Log{"first"});
}

TEST(ThreadExitHookTest, AHookAddedByAHookRunsInTheNextRound) {
  Log log;
  LoggingHook first(log, "first");
  LoggingHook late(log, "late");
  ActingHook second([&](ActingHook&) { EXPECT_TRUE(add_thread_exit_hook(late)); });
  in_a_thread([&] {
    ASSERT_TRUE(add_thread_exit_hook(first));
    ASSERT_TRUE(add_thread_exit_hook(second));
  });
  EXPECT_EQ(log, (Log{"first", "late"}));
}

TEST(ThreadExitHookTest, AHookThatAddsItselfEnds) {
  int runs = 0;
  int refused = 0;
  ActingHook hook([&](ActingHook& self) {
    ++runs;
    refused += !add_thread_exit_hook(self);
  });
  in_a_thread([&] { ASSERT_TRUE(add_thread_exit_hook(hook)); });
  EXPECT_EQ(runs, kThreadExitRounds);
  EXPECT_EQ(refused, 1);
}

// Another library's end of a thread, which comes after ours because its key is younger, and finds something to do there.
TEST(ThreadExitHookTest, AHookAddedWhenTheOthersHaveRunRunsToo) {
  static Log log;
  static LoggingHook early(log, "early");
  static LoggingHook late(log, "late");
  in_a_thread([] { ASSERT_TRUE(add_thread_exit_hook(early)); });
  log.clear();
  pthread_key_t key = 0;
  ASSERT_EQ(pthread_key_create(&key,
                               [](void*) {
                                 log.emplace_back("library");
                                 EXPECT_TRUE(add_thread_exit_hook(late));
                               }),
            0);
  in_a_thread([&] {
    ASSERT_TRUE(add_thread_exit_hook(early));
    ASSERT_EQ(pthread_setspecific(key, &log), 0);
  });
  EXPECT_EQ(log, (Log{"early", "library", "late"}));
  pthread_key_delete(key);
}

// The rounds count also where nobody has a hook: or one would be taken that the system has no round left for.
TEST(ThreadExitHookTest, AThreadPastItsLastRoundIsRefused) {
  static pthread_key_t key = 0;
  static int round = 0;
  static Log log;
  static LoggingHook early(log, "early");
  static LoggingHook late(log, "late");
  in_a_thread([] { ASSERT_TRUE(add_thread_exit_hook(early)); });
  ASSERT_EQ(pthread_key_create(&key,
                               [](void* value) {
                                 if (++round < kThreadExitRounds) {
                                   EXPECT_EQ(pthread_setspecific(key, value), 0);
                                 } else {
                                   EXPECT_FALSE(add_thread_exit_hook(late));
                                 }
                               }),
            0);
  in_a_thread([] {
    ASSERT_TRUE(add_thread_exit_hook(early));
    ASSERT_EQ(pthread_setspecific(key, &log), 0);
  });
  EXPECT_EQ(round, kThreadExitRounds);
  EXPECT_EQ(log, (Log{"early", "early"}));
  pthread_key_delete(key);
}

struct Worker : ThreadEntry {
  explicit Worker(Log* to = nullptr) noexcept : ThreadEntry(ended), log(to) {}
  static void ended(ThreadEntry& entry) noexcept {
    if (Log* const to = static_cast<Worker&>(entry).log; to != nullptr) to->emplace_back("ended");
  }
  Log* log;
};

TEST(ThreadRegistryTest, KnowsTheThreadsThatLive) {
  constexpr std::size_t kThreads = 4;
  ThreadRegistry registry(LockRank{.name = "workers", .order = 5});
  std::array<Worker, kThreads> workers;
  std::latch entered(kThreads);
  std::latch may_end(1);
  std::array<pid_t, kThreads> ids{};
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ASSERT_TRUE(registry.enter(workers[i]));
      ids[i] = static_cast<pid_t>(::syscall(SYS_gettid));
      entered.count_down();
      may_end.wait();
    });
  }
  entered.wait();
  EXPECT_EQ(registry.size(), kThreads);
  std::set<pid_t> seen;
  registry.for_each([&](const ThreadEntry& entry) { seen.insert(entry.kernel_id()); });
  EXPECT_EQ(seen, std::set<pid_t>(ids.begin(), ids.end()));
  may_end.count_down();
  threads.clear();
  EXPECT_EQ(registry.size(), 0U);
  registry.for_each([](const ThreadEntry&) { FAIL(); });
}

TEST(ThreadRegistryTest, AThreadThatEndsIsOutOfItWhenItsOwnerIsTold) {
  static ThreadRegistry registry;
  struct Counting : ThreadEntry {
    Counting() noexcept
        : ThreadEntry([](ThreadEntry& entry) noexcept { static_cast<Counting&>(entry).left = registry.size(); }) {}
    std::size_t left = 77;
  };
  Counting first;
  Counting second;
  in_a_thread([&] {
    ASSERT_TRUE(registry.enter(first));
    ASSERT_TRUE(registry.enter(second));
    EXPECT_EQ(registry.size(), 2U);
  });
  EXPECT_EQ(second.left, 1U);
  EXPECT_EQ(first.left, 0U);
}

TEST(ThreadRegistryTest, WhoLeavesIsNotToldOfTheEnd) {
  ThreadRegistry registry;
  Log log;
  std::array<Worker, 3> workers{Worker(&log), Worker(&log), Worker(&log)};
  in_a_thread([&] {
    for (Worker& worker : workers) ASSERT_TRUE(registry.enter(worker));
    registry.leave(workers[1]);
    EXPECT_EQ(registry.size(), 2U);
    registry.for_each([&](const ThreadEntry& entry) { EXPECT_NE(&entry, &workers[1]); });
    ASSERT_TRUE(registry.enter(workers[1]));
    registry.leave(workers[1]);
    registry.leave(workers[2]);
  });
  EXPECT_EQ(log, Log{"ended"});
  EXPECT_EQ(registry.size(), 0U);
}

TEST(ThreadRegistryTest, ThreadsThatComeAndGoWhileOthersLook) {
  ThreadRegistry registry;
  std::atomic<bool> stop = false;
  std::jthread looker([&] {
    while (!stop) {
      std::size_t count = 0;
      registry.for_each([&](const ThreadEntry& entry) {
        EXPECT_NE(entry.kernel_id(), 0);
        ++count;
      });
      EXPECT_LE(count, 3U);
    }
  });
  for (int round = 0; round < 200; ++round) {
    std::array<Worker, 3> workers;
    std::vector<std::jthread> threads;
    threads.reserve(workers.size());
    for (Worker& worker : workers) threads.emplace_back([&] { EXPECT_TRUE(registry.enter(worker)); });
  }
  stop = true;
  looker.join();
  EXPECT_EQ(registry.size(), 0U);
}

}  // namespace
}  // namespace strata::sync
