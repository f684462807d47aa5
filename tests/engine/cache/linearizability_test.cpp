#include "tests/engine/cache/linearizability.h"

#include <gtest/gtest.h>

#include <atomic>
#include <initializer_list>
#include <thread>
#include <vector>

namespace strata::history {
namespace {

// Histories by hand. Stamps are written as in a picture: thread, from, to.
class LinearizabilityTest : public testing::Test {
 protected:
  void add(std::size_t thread, std::uint64_t from, std::uint64_t to, Kind kind, std::initializer_list<Effect> effects,
           std::int64_t now = kNoClock) {
    if (history.threads.size() <= thread) history.threads.resize(thread + 1);
    history.threads[thread].append({.invoked = from, .responded = to, .now = now, .kind = kind},
                                   {effects.begin(), effects.size()});
  }
  void set(std::size_t thread, std::uint64_t from, std::uint64_t to, KeyId key, Value value) {
    add(thread, from, to, Kind::set, {Effect::write(key, value)});
  }
  void get(std::size_t thread, std::uint64_t from, std::uint64_t to, KeyId key, Value value) {
    add(thread, from, to, Kind::get, {Effect::read(key, value)});
  }
  void remove(std::size_t thread, std::uint64_t from, std::uint64_t to, KeyId key, bool was_there) {
    add(thread, from, to, Kind::remove, {Effect::remove(key, was_there)});
  }
  void update(std::size_t thread, std::uint64_t from, std::uint64_t to, KeyId key, Value seen, Value written) {
    add(thread, from, to, Kind::update, {Effect::exchange(key, seen, written)});
  }
  void accepted() const {
    const Judgement judgement = judge(history);
    EXPECT_EQ(judgement.verdict, Verdict::linearizable) << judgement.explanation;
  }
  // Because of the operation named, and with a sentence that begins so.
  void rejected(const std::string& culprit, const std::string& finding) const {
    const Judgement judgement = judge(history);
    EXPECT_EQ(judgement.verdict, Verdict::not_linearizable) << judgement.explanation;
    EXPECT_NE(judgement.explanation.find("at " + culprit + ","), std::string::npos) << judgement.explanation;
    EXPECT_NE(judgement.explanation.find(finding), std::string::npos) << judgement.explanation;
  }

  History history;
};

// --- right histories ----------------------------------------------------------------------------------------------------------

TEST_F(LinearizabilityTest, NothingAndOneAfterTheOther) {
  accepted();
  get(0, 1, 2, 0, kAbsent);
  set(0, 3, 4, 0, 5);
  get(1, 5, 6, 0, 5);
  remove(1, 7, 8, 0, true);
  remove(0, 9, 10, 0, false);
  update(0, 11, 12, 0, kAbsent, 6);
  update(1, 13, 14, 0, 6, 7);
  get(0, 15, 16, 0, 7);
  accepted();
}

TEST_F(LinearizabilityTest, ReadersBesideAWriteMaySeeEither) {
  set(0, 1, 2, 0, 1);
  set(0, 10, 20, 0, 2);
  get(1, 11, 12, 0, 1);
  get(2, 11, 12, 0, 2);
  get(2, 13, 14, 0, 2);
  accepted();
}

TEST_F(LinearizabilityTest, ALongOperationMayStandAnywhereInIt) {
  set(0, 1, 1000, 0, 9);
  for (std::uint64_t i = 0; i < 50; ++i) {
    set(1, 10 + 10 * i, 12 + 10 * i, 0, 100 + i);
    get(1, 13 + 10 * i, 14 + 10 * i, 0, i == 30 ? 9 : 100 + i);
  }
  accepted();
}

TEST_F(LinearizabilityTest, TouchingStampsAreNoOrder) {
  set(0, 1, 5, 0, 1);
  get(1, 5, 6, 0, kAbsent);
  accepted();
}

TEST_F(LinearizabilityTest, IndependentKeysAreJudgedApart) {
  for (KeyId key = 0; key < 5; ++key) set(0, 10 * key + 1, 10 * key + 2, key, key + 1);
  add(1, 60, 70, Kind::get_many, {Effect::read(0, 1), Effect::read(3, 4)});
  const Judgement judgement = judge(history);
  EXPECT_EQ(judgement.verdict, Verdict::linearizable);
  EXPECT_EQ(judgement.groups, 4U);
  EXPECT_EQ(judgement.operations, 6U);
}

TEST_F(LinearizabilityTest, AKeyTwiceInOneOperation) {
  add(0, 1, 2, Kind::update_many, {Effect::exchange(0, kAbsent, 1), Effect::exchange(0, 1, 2)});
  get(1, 3, 4, 0, 2);
  accepted();
  history = {};
  add(0, 1, 2, Kind::update_many, {Effect::exchange(0, kAbsent, 1), Effect::exchange(0, kAbsent, 2)});
  rejected("thread 0 operation 0", "None of the simple faults");
  history = {};
  set(0, 1, 5, 0, 1);
  add(1, 2, 3, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(0, 1)});
  rejected("thread 1 operation 0", "Two moments: it saw both absent and 1 at k0");
}

// Two writes without an order between them, and the reader that decides it a thousand operations later.
TEST_F(LinearizabilityTest, AnOrderThatShowsLate) {
  for (const Value last : {Value{1}, Value{2}}) {
    history = {};
    set(0, 1, 10, 0, 1);
    set(1, 1, 10, 0, 2);
    for (std::uint64_t i = 0; i < 1000; ++i)
      add(2, 20 + i * 4, 22 + i * 4, Kind::set_many, {Effect::write(1, i + 1), Effect::write(2, i + 1)});
    add(0, 10'000, 10'001, Kind::get_many, {Effect::read(0, last), Effect::read(1, 1000)});
    accepted();
  }
}

// --- wrong ones ---------------------------------------------------------------------------------------------------------------

TEST_F(LinearizabilityTest, StaleRead) {
  set(0, 1, 2, 3, unique_value(0, 1));
  set(1, 3, 4, 3, unique_value(1, 1));
  get(2, 5, 6, 3, unique_value(0, 1));
  rejected("thread 2 operation 0",
           "Stale: it saw 0.1 at k3, written by thread 0 operation 0, which thread 1 operation 0 had replaced");
}

TEST_F(LinearizabilityTest, MissedAfterACompletedWrite) {
  set(0, 1, 2, 0, 1);
  get(1, 3, 4, 0, kAbsent);
  rejected("thread 1 operation 0", "Missed: nothing at k0, where 1 had been written");
}

TEST_F(LinearizabilityTest, LostUpdate) {
  set(0, 1, 2, 0, 1);
  update(0, 3, 10, 0, 1, 2);
  update(1, 4, 9, 0, 1, 3);
  rejected("thread 0 operation 1", "Lost update: it and thread 1 operation 0 both replaced 1 at k0");
}

TEST_F(LinearizabilityTest, LostIncrementOfAMissingKey) {
  update(0, 1, 10, 0, kAbsent, 1);
  update(1, 1, 9, 0, kAbsent, 1);
  rejected("thread 0 operation 0", "None of the simple faults");
}

TEST_F(LinearizabilityTest, ReadFromTheFuture) {
  get(0, 1, 2, 0, 7);
  set(1, 3, 4, 0, 7);
  rejected("thread 0 operation 0", "From the future: it saw 7 at k0, which thread 1 operation 0");
}

TEST_F(LinearizabilityTest, ValuesOfNobodyAndOfAnotherKey) {
  set(0, 1, 2, 0, 7);
  get(1, 3, 4, 0, 8);
  rejected("thread 1 operation 0", "Out of nowhere: nobody wrote 8 at k0");
  history = {};
  set(0, 1, 2, 0, 7);
  get(1, 3, 4, 1, 7);
  rejected("thread 1 operation 0", "Another key's value: nobody wrote 7 at k1; thread 0 operation 0 wrote it at k0");
  history = {};
  set(0, 1, 2, 0, 7);
  get(1, 3, 4, 0, kDamaged);
  rejected("thread 1 operation 0", "Damaged");
}

TEST_F(LinearizabilityTest, ADeletedValueIsSeenAgain) {
  set(0, 1, 2, 0, 1);
  remove(0, 3, 4, 0, true);
  get(1, 5, 6, 0, 1);
  rejected("thread 1 operation 0",
           "Stale: it saw 1 at k0, written by thread 0 operation 0, which thread 0 operation 1 had removed");
  // Beside the removal: the one who comes later may not see more.
  history = {};
  set(0, 1, 2, 0, 1);
  remove(0, 3, 20, 0, true);
  get(1, 5, 6, 0, kAbsent);
  get(2, 7, 8, 0, 1);
  rejected("thread 2 operation 0", "Seen again: it saw 1 at k0, written by thread 0 operation 0, which for thread 1 operation 0");
}

TEST_F(LinearizabilityTest, BothRemoveTheSame) {
  set(0, 1, 2, 0, 1);
  remove(0, 3, 6, 0, true);
  remove(1, 4, 5, 0, true);
  rejected("thread 0 operation 1", "does not fit: k0 is absent");
}

TEST_F(LinearizabilityTest, TwoReadersDisagreeAboutTheOrderOfWrites) {
  set(0, 1, 100, 0, 1);
  set(1, 1, 100, 0, 2);
  get(2, 10, 20, 0, 1);
  get(2, 30, 40, 0, 2);
  get(3, 10, 20, 0, 2);
  get(3, 30, 41, 0, 1);
  rejected("thread 3 operation 1", "does not fit: k0 holds 2");
}

TEST_F(LinearizabilityTest, HalfOfAnOperationOnSeveralKeys) {
  add(0, 1, 2, Kind::set_many, {Effect::write(0, 1), Effect::write(1, 1)});
  add(0, 10, 20, Kind::set_many, {Effect::write(0, 2), Effect::write(1, 2)});
  add(1, 12, 14, Kind::get_many, {Effect::read(0, 2), Effect::read(1, 1)});
  rejected("thread 1 operation 0",
           "Half of it: it saw what thread 0 operation 1 left at k0, and at k1 what was there before that");
  // The same seen by two single reads.
  history = {};
  add(0, 1, 2, Kind::set_many, {Effect::write(0, 1), Effect::write(1, 1)});
  add(0, 10, 20, Kind::set_many, {Effect::write(0, 2), Effect::write(1, 2)});
  get(1, 11, 12, 0, 2);
  get(1, 13, 14, 1, 1);
  rejected("thread 1 operation 1", "None of the simple faults");
}

TEST_F(LinearizabilityTest, TwoReadersOfSeveralKeysDisagree) {
  set(0, 1, 100, 0, 1);
  set(1, 1, 100, 1, 2);
  add(2, 10, 20, Kind::get_many, {Effect::read(0, 1), Effect::read(1, kAbsent)});
  accepted();
  add(3, 10, 21, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(1, 2)});
  rejected("thread 3 operation 0", "could stand here, but leads no further");
}

TEST_F(LinearizabilityTest, StoreBufferedWrites) {
  set(0, 1, 2, 0, 1);
  get(0, 3, 4, 1, kAbsent);
  set(1, 1, 2, 1, 1);
  get(1, 3, 5, 0, kAbsent);
  rejected("thread 1 operation 1", "Missed: nothing at k0");
}

TEST_F(LinearizabilityTest, NonRepeatableUnderFlush) {
  add(0, 1, 2, Kind::set_many, {Effect::write(0, 1), Effect::write(1, 1)});
  add(0, 10, 20, Kind::flush, {Effect::erase(0), Effect::erase(1)});
  add(1, 12, 13, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(1, kAbsent)});
  accepted();
  get(2, 14, 15, 1, 1);
  rejected("thread 2 operation 0", "Seen again");
  history = {};
  add(0, 1, 2, Kind::set_many, {Effect::write(0, 1), Effect::write(1, 1)});
  add(0, 10, 20, Kind::flush, {Effect::erase(0), Effect::erase(1)});
  add(1, 12, 13, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(1, 1)});
  rejected("thread 1 operation 0", "Half of it");
}

TEST_F(LinearizabilityTest, TheFirstFaultIsTold) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    set(0, 10 * i + 1, 10 * i + 2, 0, i + 1);
    get(1, 10 * i + 3, 10 * i + 4, 0, i == 70 || i == 120 || i == 150 ? i : i + 1);
  }
  rejected("thread 1 operation 70", "Stale");
}

// --- keys that vanish ---------------------------------------------------------------------------------------------------------

TEST_F(LinearizabilityTest, Expiry) {
  const auto read_at = [this](std::size_t thread, std::uint64_t from, std::int64_t now, Value seen) {
    add(thread, from, from + 1, Kind::get, {Effect::read(0, seen)}, now);
  };
  add(0, 1, 2, Kind::set, {Effect::write(0, 1, 100)}, 50);
  read_at(1, 3, 99, 1);
  read_at(2, 5, 100, kAbsent);
  read_at(1, 7, 99, kAbsent);  // whose clock is behind: it is gone by now
  accepted();
  read_at(1, 9, 99, 1);
  rejected("thread 1 operation 2", "Seen again");
}

TEST_F(LinearizabilityTest, ExpiryMayNotComeEarlyNorLate) {
  add(0, 1, 2, Kind::set, {Effect::write(0, 1, 100)}, 50);
  add(1, 3, 4, Kind::get, {Effect::read(0, kAbsent)}, 99);
  add(0, 5, 6, Kind::upkeep, {}, 100);
  rejected("thread 1 operation 0", "and nothing let it vanish");
  history = {};
  add(0, 1, 2, Kind::set, {Effect::write(0, 1, 100)}, 50);
  add(1, 3, 4, Kind::get, {Effect::read(0, 1)}, 100);
  rejected("thread 1 operation 0", "Expired: it saw 1 at k0, whose time had come at 100, by its clock 0 ago");
  rejected("thread 1 operation 0", "which for its clock has passed");
  // Somebody else's clock may have taken it away.
  history = {};
  add(0, 1, 2, Kind::set, {Effect::write(0, 1, 100)}, 50);
  add(2, 3, 9, Kind::upkeep, {}, 100);
  add(1, 3, 4, Kind::get, {Effect::read(0, kAbsent)}, 99);
  accepted();
}

TEST_F(LinearizabilityTest, Eviction) {
  set(0, 10, 20, 0, 1);
  get(1, 30, 40, 0, 1);
  get(1, 50, 60, 0, kAbsent);
  rejected("thread 1 operation 1", "nothing let it vanish");
  history.evictions = {{0, 5}, {61, 70}};
  rejected("thread 1 operation 1", "nothing let it vanish");
  history.evictions = {{0, 5}, {41, 45}};
  accepted();
  get(1, 70, 80, 0, 1);  // at most once
  rejected("thread 1 operation 2", "Seen again");
}

TEST_F(LinearizabilityTest, EvictionBetweenTheKeysOfOneRead) {
  history.evictions = {{}};
  add(0, 1, 2, Kind::set_many, {Effect::write(0, 1), Effect::write(1, 1)});
  add(1, 3, 4, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(1, 1)});
  add(1, 5, 6, Kind::get_many, {Effect::read(0, kAbsent), Effect::read(1, kAbsent)});
  accepted();
  // What an operation has just written is there for the rest of it.
  add(1, 7, 8, Kind::update_many, {Effect::exchange(0, kAbsent, 5), Effect::exchange(0, kAbsent, 6)});
  rejected("thread 1 operation 2", "None of the simple faults");
}

// --- limits and faults of the recording ---------------------------------------------------------------------------------------

TEST_F(LinearizabilityTest, AReachedLimitIsNoVerdict) {
  for (std::size_t thread = 0; thread < 8; ++thread) {
    for (std::uint64_t i = 0; i < 4; ++i) set(thread, 1 + 20 * i, 19 + 20 * i, 0, unique_value(thread, i + 1));
  }
  for (std::size_t thread = 0; thread < 8; ++thread) update(thread, 100, 101, 0, 1, unique_value(thread, 9));
  const Judgement few = judge(history, {.configurations = 100});
  EXPECT_EQ(few.verdict, Verdict::undecided);
  EXPECT_NE(few.explanation.find("Undecided"), std::string::npos);
  EXPECT_EQ(judge(history, {.steps = 100}).verdict, Verdict::undecided);
  EXPECT_EQ(judge(history).verdict, Verdict::not_linearizable);
}

TEST_F(LinearizabilityTest, MalformedRecordings) {
  set(0, 5, 4, 0, 1);
  EXPECT_EQ(judge(history).verdict, Verdict::malformed);
  history = {};
  set(0, 1, 5, 0, 1);
  set(0, 4, 6, 0, 1);
  EXPECT_EQ(judge(history).verdict, Verdict::malformed);
  history.threads.clear();
  history.threads.resize(65);
  EXPECT_EQ(judge(history).verdict, Verdict::malformed);
}

TEST_F(LinearizabilityTest, AnExplanationIsComplete) {
  set(0, 100, 200, 3, unique_value(0, 1));
  set(1, 300, 400, 3, unique_value(1, 1));
  set(2, 350, 900, 3, unique_value(2, 1));
  get(3, 500, 600, 3, unique_value(0, 1));
  EXPECT_EQ(judge(history).explanation,
            "Not linearizable: k3, at thread 3 operation 0, get(k3 was 0.1).\n"
            "  Stale: it saw 0.1 at k3, written by thread 0 operation 0, which thread 1 operation 0 had replaced before it was "
            "invoked.\n"
            "What responded before it can be put in order; with it nothing can. Stamps count from its invocation:\n"
            "    thread 3 operation 0 [0, 100] get(k3 was 0.1)\n"
            "  One order that is possible before it, 2 operations:\n"
            "    thread 0 operation 0 [-400, -300] set(k3 := 0.1)\n"
            "    thread 1 operation 0 [-200, -100] set(k3 := 1.1)\n"
            "  After which k3 holds 1.1.\n"
            "  Not in that order:\n"
            "    thread 2 operation 0 [-150, 400] set(k3 := 2.1)\n"
            "      could stand here, but leads no further\n"
            "    thread 3 operation 0 [0, 100] get(k3 was 0.1)\n"
            "      does not fit: k3 holds 1.1\n");
}

// --- stamps -------------------------------------------------------------------------------------------------------------------

// What the recording stands on: a stamp that another processor took first, as its message shows, is not the greater one.
TEST(HistoryStampTest, FollowMessagesBetweenThreads) {
  constexpr std::uint64_t kRounds = 20'000;
  std::atomic<std::uint64_t> ping{0};
  std::atomic<std::uint64_t> pong{0};
  std::atomic<int> reversed{0};
  const auto wait_for = [](const std::atomic<std::uint64_t>& stamp, std::uint64_t last) {
    std::uint64_t seen = stamp.load(std::memory_order_acquire);
    for (int spins = 0; seen == last; ++spins) {
      if (spins % 1000 == 999) std::this_thread::yield();
      seen = stamp.load(std::memory_order_acquire);
    }
    return seen;
  };
  std::jthread other([&] {
    std::uint64_t last = 0;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      last = wait_for(ping, last);
      const std::uint64_t stamp = stamp_invocation();
      reversed += stamp < last;
      pong.store(stamp_response(Answered::when_executed), std::memory_order_release);
    }
  });
  std::uint64_t last = 0;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    ping.store(stamp_response(Answered::when_visible), std::memory_order_release);
    last = wait_for(pong, last);
    reversed += stamp_invocation() < last;
  }
  other.join();
  EXPECT_EQ(reversed, 0) << "the cycle counters of the processors differ: no history recorded here can be judged";
}

TEST(HistoryStampTest, ALogKeepsWhatItIsTold) {
  ThreadLog log(2, 3);
  ASSERT_TRUE(log.has_room(3));
  log.invoke(Kind::get, 17);
  log.respond();
  log.note(Effect::read(1, 5));
  EXPECT_FALSE(log.has_room(3));
  ASSERT_TRUE(log.has_room(2));
  log.invoke(Kind::set_many);
  log.respond();
  log.note(Effect::write(1, 6));
  log.note(Effect::erase(2));
  EXPECT_FALSE(log.has_room(0));
  const std::span<const Operation> operations = log.operations();
  ASSERT_EQ(operations.size(), 2U);
  EXPECT_LE(operations[0].invoked, operations[0].responded);
  EXPECT_LE(operations[0].responded, operations[1].invoked);
  EXPECT_EQ(operations[0].now, 17);
  EXPECT_EQ(text_of(operations[0].kind, log.effects_of(operations[0])), "get(k1 was 5)");
  EXPECT_EQ(text_of(operations[1].kind, log.effects_of(operations[1])), "set_many(k1 := 6; k2 removed)");
}

}  // namespace
}  // namespace strata::history
