#include "engine/sync/quiescent_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace strata::sync::qsbr {
namespace {

static_assert(sizeof(Retired) == 24);

// Participants are objects, so one thread can play several: what happens is then the same each time.
class QuiescentStateTest : public testing::Test {
 protected:
  struct Object : Retired {
    bool freed = false;
    void* keeper = nullptr;
  };
  static void mark_freed(Retired& retired, void* keeper) noexcept {
    auto& object = static_cast<Object&>(retired);
    EXPECT_FALSE(object.freed);
    object.freed = true;
    object.keeper = keeper;
  }
  static QuotaState retire(Participant& by, Object& object, std::size_t bytes = 100) {
    return by.retire(object, bytes, mark_freed);
  }

  Object object;
  Object other_object;
  Domain domain{LockRank{.name = "domain", .order = 5}};
};

TEST_F(QuiescentStateTest, AloneAThreadFreesWhenItIsQuiescent) {
  Participant self(domain);
  self.online();
  EXPECT_EQ(retire(self, object), QuotaState::within);
  EXPECT_FALSE(object.freed);
  self.quiescent();
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, NothingIsFreedThatAReaderMayHold) {
  Participant reader(domain);
  Participant writer(domain);
  reader.online();
  writer.online();
  (void)retire(writer, object);
  for (int round = 0; round < 5; ++round) writer.quiescent();
  EXPECT_FALSE(object.freed);
  reader.quiescent();
  EXPECT_FALSE(object.freed);
  writer.quiescent();
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, AQuiescentStateBeforeTheRetiringDoesNotCount) {
  Participant reader(domain);
  Participant writer(domain);
  reader.online();
  writer.online();
  reader.quiescent();
  (void)retire(writer, object);
  writer.quiescent();
  // One that had been there, and is now free, does not let the next pass either.
  reader.quiescent();
  (void)retire(writer, other_object);
  writer.quiescent();
  EXPECT_TRUE(object.freed);
  writer.quiescent();
  EXPECT_FALSE(other_object.freed);
  reader.quiescent();
  writer.quiescent();
  EXPECT_TRUE(other_object.freed);
}

TEST_F(QuiescentStateTest, EveryReaderCounts) {
  std::array<std::optional<Participant>, 4> readers;
  for (auto& reader : readers) reader.emplace(domain).online();
  Participant writer(domain);
  (void)retire(writer, object);
  writer.quiescent();
  for (auto& reader : readers) {
    writer.quiescent();
    EXPECT_FALSE(object.freed);
    reader->quiescent();
  }
  writer.quiescent();
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, WhoIsOfflineIsNotWaitedFor) {
  Participant reader(domain);
  Participant writer(domain);
  writer.online();
  (void)retire(writer, object);
  writer.quiescent();
  EXPECT_TRUE(object.freed);
  reader.online();
  (void)retire(writer, other_object);
  writer.quiescent();
  EXPECT_FALSE(other_object.freed);
  reader.offline();
  writer.quiescent();
  EXPECT_TRUE(other_object.freed);
}

TEST_F(QuiescentStateTest, WhoComesLaterIsNotWaitedFor) {
  Participant reader(domain);
  Participant later(domain);
  Participant writer(domain);
  reader.online();
  (void)retire(writer, object);
  writer.quiescent();
  later.online();
  reader.quiescent();
  writer.quiescent();
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, AnOfflineWriterMayRetire) {
  Participant reader(domain);
  Participant writer(domain);
  reader.online();
  (void)retire(writer, object);
  writer.quiescent();
  EXPECT_FALSE(object.freed);
  reader.quiescent();
  writer.quiescent();
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, FreesAsManyAsItIsTold) {
  std::array<Object, 10> objects;
  Participant self(domain);
  for (Object& each : objects) (void)retire(self, each);
  const auto freed = [&] { return std::ranges::count(objects, true, &Object::freed); };
  self.quiescent(3);
  EXPECT_EQ(freed(), 3);
  EXPECT_TRUE(objects[0].freed && objects[1].freed && objects[2].freed);
  self.quiescent(3);
  EXPECT_EQ(freed(), 6);
  self.quiescent();
  EXPECT_EQ(freed(), 10);
}

TEST_F(QuiescentStateTest, GuardsNestAndTheOutermostFrees) {
  Participant reader(domain);
  Participant writer(domain);
  {
    const ReadGuard outer(reader);
    EXPECT_TRUE(reader.is_online());
    (void)retire(writer, object);
    { const ReadGuard inner(reader); }
    EXPECT_TRUE(reader.is_online());
    { const ReadGuard guard(writer); }
    EXPECT_FALSE(object.freed);
  }
  EXPECT_FALSE(reader.is_online());
  { const ReadGuard guard(writer); }
  EXPECT_TRUE(object.freed);
}

TEST_F(QuiescentStateTest, AGuardOfAThreadThatIsOnlineLeavesItOnline) {
  Participant self(domain);
  self.online();
  { const ReadGuard guard(self); }
  EXPECT_TRUE(self.is_online());
}

// A table whose items are retired when it is freed itself.
TEST_F(QuiescentStateTest, WhatIsFreedIsShownTheKeeperOfWhoFrees) {
  int mine = 0;
  Participant self(domain);
  Participant reader(domain);
  self.set_keeper(&mine);
  for (const bool waits : {false, true}) {
    object = {};
    (void)retire(self, object);
    waits ? self.synchronize() : self.quiescent();
    ASSERT_TRUE(object.freed);
    EXPECT_EQ(object.keeper, &mine);
  }
  self.set_keeper(nullptr);
  object = {};
  (void)retire(self, object);
  self.quiescent();
  EXPECT_EQ(object.keeper, nullptr);
  // What another has left behind.
  reader.online();
  object = {};
  {
    int other_keeper = 0;
    Participant other(domain);
    other.set_keeper(&other_keeper);
    (void)retire(other, object);
  }
  ASSERT_FALSE(object.freed);
  reader.offline();
  self.set_keeper(&mine);
  self.quiescent();
  self.quiescent();
  ASSERT_TRUE(object.freed);
  EXPECT_EQ(object.keeper, &mine);
}

TEST_F(QuiescentStateTest, ADeleterMayRetireAndUseGuards) {
  struct Table : Retired {
    Participant* by = nullptr;
    std::array<Object, 2> items;
  };
  Table table;
  Participant reader(domain);
  Participant writer(domain);
  table.by = &writer;
  reader.online();
  (void)writer.retire(table, 100, [](Retired& retired, void*) noexcept {
    auto& self = static_cast<Table&>(retired);
    for (Object& item : self.items) {
      // Its end must not free, nor mix what is retired now with what is being freed.
      const ReadGuard guard(*self.by);
      (void)retire(*self.by, item);
    }
  });
  writer.quiescent();
  reader.quiescent();
  writer.quiescent();
  EXPECT_FALSE(table.items[0].freed || table.items[1].freed);
  writer.quiescent();
  EXPECT_FALSE(table.items[0].freed || table.items[1].freed);
  reader.quiescent();
  writer.quiescent();
  EXPECT_TRUE(table.items[0].freed && table.items[1].freed);
}

TEST_F(QuiescentStateTest, SaysWhenTheQuotaIsReached) {
  domain.set_quota(1000);
  Participant reader(domain);
  Participant writer(domain);
  reader.online();
  EXPECT_EQ(retire(writer, object, 999), QuotaState::within);
  EXPECT_EQ(retire(writer, other_object, 1), QuotaState::over);
  writer.quiescent();
  Object next;
  EXPECT_EQ(retire(writer, next, 1), QuotaState::over);
  reader.offline();
  writer.synchronize();
  EXPECT_TRUE(object.freed && other_object.freed && next.freed);
  Object last;
  EXPECT_EQ(retire(writer, last, 999), QuotaState::within);
}

// What others retired counts, except for their last few kilobytes.
TEST_F(QuiescentStateTest, TheQuotaIsOneForAll) {
  constexpr std::size_t kBig = Domain::kMostUnbookedBytes;
  domain.set_quota(2 * kBig);
  Participant first(domain);
  Participant second(domain);
  EXPECT_EQ(retire(first, object, kBig), QuotaState::within);
  EXPECT_EQ(retire(second, other_object, kBig), QuotaState::over);
  first.quiescent();
  Object next;
  EXPECT_EQ(retire(second, next, 1), QuotaState::within);
  second.synchronize();
}

TEST_F(QuiescentStateTest, SynchronizeWaitsForReadersAndFrees) {
  Participant reader(domain);
  std::atomic<bool> was_quiescent = false;
  std::atomic<bool> done = false;
  reader.online();
  std::jthread writer_thread([&] {
    Participant writer(domain);
    writer.online();
    (void)retire(writer, object);
    writer.synchronize();
    EXPECT_TRUE(was_quiescent);
    EXPECT_TRUE(object.freed);
    EXPECT_TRUE(writer.is_online());
    done = true;
  });
  // Once it has begun its epoch it waits, and is offline.
  while (domain.counters().epochs == 0) std::this_thread::yield();
  EXPECT_FALSE(object.freed);
  was_quiescent = true;
  reader.quiescent();
  // One announcement is enough to wake it.
  writer_thread.join();
  EXPECT_TRUE(done);
}

TEST_F(QuiescentStateTest, TwoThatSynchronizeDoNotWaitForEachOther) {
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Participant self(domain);
      self.online();
      for (int round = 0; round < 200; ++round) {
        Object own;
        (void)retire(self, own);
        self.synchronize();
        EXPECT_TRUE(own.freed);
      }
    });
  }
}

TEST_F(QuiescentStateTest, WhatAnEndedThreadRetiredIsFreedByTheNext) {
  Participant reader(domain);
  reader.online();
  std::optional<Participant> writer(std::in_place, domain);
  (void)retire(*writer, object);
  writer->quiescent();  // waits
  (void)retire(*writer, other_object);
  writer.reset();
  EXPECT_FALSE(object.freed || other_object.freed);
  EXPECT_EQ(domain.counters().waiting_bytes(), 200U);
  EXPECT_EQ(domain.counters().participants, 1U);
  Participant third(domain);
  third.online();
  third.quiescent();
  EXPECT_FALSE(object.freed || other_object.freed);
  reader.quiescent();
  third.quiescent();
  EXPECT_TRUE(object.freed && other_object.freed);
  EXPECT_EQ(domain.counters().waiting_bytes(), 0U);
}

TEST_F(QuiescentStateTest, TheLastToEndLeavesNothing) {
  std::optional<Participant> reader(std::in_place, domain);
  std::optional<Participant> writer(std::in_place, domain);
  reader->online();
  (void)retire(*writer, object);
  writer->quiescent();
  (void)retire(*writer, other_object);
  writer.reset();
  EXPECT_FALSE(object.freed);
  reader.reset();
  EXPECT_TRUE(object.freed && other_object.freed);
  EXPECT_EQ(domain.counters().waiting_bytes(), 0U);
}

TEST_F(QuiescentStateTest, TheDomainsSynchronizeFreesOrphans) {
  Participant reader(domain);
  reader.online();
  {
    Participant writer(domain);
    (void)retire(writer, object);
  }
  EXPECT_FALSE(object.freed);
  reader.offline();
  domain.synchronize();
  EXPECT_TRUE(object.freed);
  EXPECT_EQ(domain.counters().waiting_bytes(), 0U);
}

TEST_F(QuiescentStateTest, CountsBytesAndEpochs) {
  Participant reader(domain);
  Participant writer(domain);
  reader.online();
  EXPECT_EQ(domain.counters().epochs, 0U);
  (void)retire(writer, object, 30);
  (void)retire(writer, other_object, 5000);
  writer.quiescent();
  const Domain::Counters waiting = domain.counters();
  EXPECT_EQ(waiting.retired_bytes, 5030U);
  EXPECT_EQ(waiting.reclaimed_bytes, 0U);
  EXPECT_EQ(waiting.epochs, 1U);
  EXPECT_EQ(waiting.participants, 2U);
  reader.offline();
  writer.quiescent();
  EXPECT_EQ(domain.counters().reclaimed_bytes, 5030U);
  // Nothing to free, nothing new.
  for (int round = 0; round < 10; ++round) writer.quiescent();
  EXPECT_EQ(domain.counters().epochs, 1U);
}

}  // namespace
}  // namespace strata::sync::qsbr
