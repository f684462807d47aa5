#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/net/poller.h"
#include "server/net/task_queue.h"
#include "server/net/timer_queue.h"

// What an event loop consists of. Nothing here sleeps: a poller that must not wait has been woken before.
namespace strata::server {
namespace {

using namespace std::chrono_literals;
using Time = TimerQueue::Time;

constexpr Time kStart = Time(1000s);

struct SocketPair {
  SocketPair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    here = Descriptor(ends[0]);
    there = Descriptor(ends[1]);
  }
  void say(std::string_view bytes) const {
    EXPECT_EQ(::send(there.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  Descriptor here;
  Descriptor there;
};

// Writes down what it is told, and does then what the test wants.
struct Recorder final : TransportListener {
  void on_readable() override {
    ++readable;
    if (then) then();
  }
  void on_writable() override { ++writable; }
  int readable = 0;
  int writable = 0;
  std::function<void()> then;
};

class PollerTest : public testing::Test {
 protected:
  // One turn that does not wait.
  Poller::Turn turn() {
    poller_.wake();
    return poller_.turn();
  }

  Poller poller_;
  SocketPair pair_;
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
};

TEST_F(PollerTest, TellsOnceForEachWait) {
  Poller::Registration ready(poller_, pair_.here.get());
  ready.listen(recorder_);
  pair_.say("abc");
  (void)turn();
  EXPECT_EQ(recorder_->readable, 0) << "nobody waits";
  ready.wait_readable();
  (void)turn();
  (void)turn();
  EXPECT_EQ(recorder_->readable, 1);
  ready.wait_readable();  // the bytes are still there
  (void)turn();
  EXPECT_EQ(recorder_->readable, 2);
  ready.wait_writable();
  (void)turn();
  EXPECT_EQ(recorder_->writable, 1);
  EXPECT_EQ(recorder_->readable, 2);
}

TEST_F(PollerTest, WaitsAgainFromWithin) {
  Poller::Registration ready(poller_, pair_.here.get());
  ready.listen(recorder_);
  recorder_->then = [&] { ready.wait_readable(); };
  ready.wait_readable();
  pair_.say("abc");
  for (int i = 0; i < 3; ++i) (void)turn();
  EXPECT_EQ(recorder_->readable, 3);
}

TEST_F(PollerTest, WhoIsGoneIsTold) {
  Poller::Registration ready(poller_, pair_.here.get());
  ready.listen(recorder_);
  ready.wait_readable();
  pair_.there.close();
  (void)turn();
  EXPECT_EQ(recorder_->readable, 1);
}

TEST_F(PollerTest, EndsWhileItIsToldAndLetsGoOfTheListener) {
  auto ready = std::make_unique<Poller::Registration>(poller_, pair_.here.get());
  ready->listen(recorder_);
  ready->wait_readable();
  ready->wait_writable();
  const std::weak_ptr<Recorder> weak = recorder_;
  int writable = -1;
  recorder_->then = [&] {
    ready.reset();
    recorder_.reset();
    writable = weak.lock()->writable;  // still held, by who tells it
  };
  pair_.say("abc");
  (void)turn();
  EXPECT_EQ(writable, 0);
  EXPECT_TRUE(weak.expired());
}

TEST_F(PollerTest, TellsNobodyOfWhatWasReadyBeforeItCame) {
  SocketPair other;
  auto first = std::make_unique<Poller::Registration>(poller_, pair_.here.get());
  auto second = std::make_unique<Poller::Registration>(poller_, other.here.get());
  const auto late = std::make_shared<Recorder>();
  std::unique_ptr<Poller::Registration> third;
  // Whoever of the two is told first ends the other one and gives its place away in the same turn.
  const auto replace = [&](std::unique_ptr<Poller::Registration>& ended, const Descriptor& descriptor) {
    return [&] {
      if (third) return;
      ended.reset();
      third = std::make_unique<Poller::Registration>(poller_, descriptor.get());
      third->listen(late);
    };
  };
  const auto others = std::make_shared<Recorder>();
  recorder_->then = replace(second, other.here);
  others->then = replace(first, pair_.here);
  first->listen(recorder_);
  second->listen(others);
  first->wait_readable();
  second->wait_readable();
  pair_.say("abc");
  other.say("abc");
  (void)turn();
  EXPECT_EQ(recorder_->readable + others->readable, 1);
  EXPECT_EQ(late->readable, 0);
}

TEST_F(PollerTest, IsWokenByAnotherThreadEachTime) {
  for (int i = 0; i < 3; ++i) {
    std::thread other([this] { poller_.wake(); });
    EXPECT_TRUE(poller_.turn().was_woken);
    other.join();
  }
}

TEST_F(PollerTest, WakesAtATimeAlsoOneThatIsPast) {
  poller_.wake_at(std::chrono::steady_clock::now() + 1ms);
  EXPECT_TRUE(poller_.turn().time_has_come);
  for (int i = 0; i < 2; ++i) {  // also the same again
    poller_.wake_at(Time());
    EXPECT_TRUE(poller_.turn().time_has_come);
  }
  poller_.wake_at(std::chrono::steady_clock::now() + 1h);
  EXPECT_FALSE(turn().time_has_come);
}

TEST(TaskQueueTest, RunsInOrderAndWhatIsPostedMeanwhileInTheNextTurn) {
  Poller poller;
  TaskQueue tasks(poller);
  std::string ran;
  tasks.post([&] {
    ran += 'a';
    tasks.post([&] { ran += 'c'; });
  });
  tasks.post([&] { ran += 'b'; });
  ASSERT_TRUE(poller.turn().was_woken);
  tasks.run();
  EXPECT_EQ(ran, "ab");
  ASSERT_TRUE(poller.turn().was_woken);
  tasks.run();
  EXPECT_EQ(ran, "abc");
}

TEST(TaskQueueTest, LosesNothingOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  Poller poller;
  TaskQueue tasks(poller);
  int ran = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kTasks; ++j) tasks.post([&ran] { ++ran; });
    });
  }
  while (ran < kThreads * kTasks) {
    if (poller.turn().was_woken) tasks.run();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kTasks);
}

TEST(TimerQueueTest, RunsWhatIsDueInTheOrderOfTime) {
  TimerQueue timers;
  std::string ran;
  const auto later = timers.add(kStart + 2ms, [&] { ran += 'c'; });
  const auto sooner = timers.add(kStart + 1ms, [&] { ran += 'a'; });
  const auto too = timers.add(kStart + 1ms, [&] { ran += 'b'; });
  EXPECT_EQ(timers.next(), kStart + 1ms);
  timers.run(kStart);
  EXPECT_EQ(ran, "");
  timers.run(kStart + 1ms);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(timers.next(), kStart + 2ms);
  timers.run(kStart + 5ms);
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(TimerQueueTest, WhoLetsGoCancels) {
  TimerQueue timers;
  int ran = 0;
  auto cancelled = timers.add(kStart, [&] { ++ran; });
  const auto kept = timers.add(kStart, [&] { ran += 10; });
  cancelled.reset();
  timers.run(kStart);
  EXPECT_EQ(ran, 10);
}

TEST(TimerQueueTest, ATaskMayCancelTheNextOneAndAddOthers) {
  TimerQueue timers;
  std::string ran;
  std::shared_ptr<void> second;
  std::shared_ptr<void> added;
  const auto first = timers.add(kStart, [&] {
    ran += 'a';
    second.reset();
    added = timers.add(kStart, [&] { ran += 'd'; });
  });
  second = timers.add(kStart, [&] { ran += 'b'; });
  const auto third = timers.add(kStart + 1ms, [&] { ran += 'c'; });
  timers.run(kStart + 1ms);
  EXPECT_EQ(ran, "ac") << "what is added waits for the next call";
  timers.run(kStart + 1ms);
  EXPECT_EQ(ran, "acd");
}

TEST(TimerQueueTest, EndsWithTasksThatHoldWhoHoldsOthers) {
  struct Holder {
    std::shared_ptr<void> timer;
    std::shared_ptr<void> other;
  };
  auto timers = std::make_unique<TimerQueue>();
  auto holder = std::make_shared<Holder>();
  holder->timer = timers->add(kStart + 1ms, [holder] {});
  holder->other = timers->add(kStart + 2ms, [] {});
  const std::weak_ptr<Holder> weak = holder;
  holder.reset();
  ASSERT_FALSE(weak.expired());
  timers.reset();
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace strata::server
