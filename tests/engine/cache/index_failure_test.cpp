// The index where memory is refused, and where several homes are locked at once.
#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "tests/engine/allocator/fake_memory_calls.h"
#include "tests/engine/cache/index_fixture.h"

namespace strata::test {
namespace {

using sync::qsbr::Participant;

TEST(IndexFailure, WhatDoesNotFitIsRefusedAndNothingIsLost) {
  FakeMemoryCalls calls;
  NumberIndex numbers(1U << 24U, calls);
  Participant participant(numbers.domain);
  participant.online();
  calls.fail_from(FakeMemoryCalls::commit_call, 1);
  std::uint64_t held = 0;
  while (numbers.put(participant, held)) ++held;
  EXPECT_GT(held, 250U);
  for (std::uint64_t number = 0; number < held; ++number) ASSERT_TRUE(numbers.find(number)) << number;
  EXPECT_FALSE(numbers.find(held));
  ASSERT_TRUE(numbers.put(participant, 0, 3));
  EXPECT_EQ(NumberIndex::version_of(numbers.find(0).slot), 3U);
  calls.let_all_succeed();
  for (; held < 5000; ++held) ASSERT_TRUE(numbers.put(participant, held));
  for (std::uint64_t number = 0; number < held; ++number) ASSERT_TRUE(numbers.find(number)) << number;
  participant.offline();
}

// The smaller table needs its overflow pool, which gets no memory: the block that was being moved stays where it was.
TEST(IndexFailure, ABlockThatCanNotBeMovedStays) {
  FakeMemoryCalls calls;
  NumberIndex numbers(1U << 24U, calls);
  Participant participant(numbers.domain);
  participant.online();
  constexpr std::uint64_t kNumbers = 6000;
  for (std::uint64_t number = 0; number < kNumbers; ++number) ASSERT_TRUE(numbers.put(participant, number));
  while (numbers.index.help_growing(participant)) participant.quiescent();
  for (int times = 0; times < 3; ++times) participant.quiescent();

  numbers.index.shrink_to(2);
  calls.fail_from(FakeMemoryCalls::commit_call, 2);  // the table itself is the first
  for (int attempts = 0; attempts < 100; ++attempts) (void)numbers.index.help_growing(participant);
  EXPECT_TRUE(numbers.index.is_growing());
  for (std::uint64_t number = 0; number < kNumbers; ++number) ASSERT_TRUE(numbers.find(number)) << number;
  std::vector<Slot> slots;
  cache::Prefix at = 0;
  do at = numbers.index.collect(at, 64, slots);
  while (at != 0);
  EXPECT_EQ(slots.size(), kNumbers);
  for (std::uint64_t number = 0; number < kNumbers; number += 3) ASSERT_TRUE(numbers.remove(number));

  calls.let_all_succeed();
  while (numbers.index.help_growing(participant)) participant.quiescent();
  for (std::uint64_t number = 0; number < kNumbers; ++number) ASSERT_EQ(static_cast<bool>(numbers.find(number)), number % 3 != 0);
  participant.offline();
}

// Who has seen one key's change sees all that were made with it.
TEST(SeveralHomes, ChangeTogether) {
  NumberIndex numbers;
  constexpr std::array<std::uint64_t, 5> kTogether = {3, 1004, 2005, 17, 90};
  constexpr int kRounds = 20'000;
  {
    Participant participant(numbers.domain);
    participant.online();
    for (std::uint64_t number = 0; number < 3000; ++number) ASSERT_TRUE(numbers.put(participant, number));
    participant.offline();
  }
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> torn = 0;
  const auto write = [&] {
    Participant participant(numbers.domain);
    participant.online();
    for (int round = 1; round <= kRounds; ++round) {
      {
        numbers.index.pause_growth();
        std::vector<std::uint64_t> order(kTogether.begin(), kTogether.end());
        std::sort(order.begin(), order.end(), [&](std::uint64_t one, std::uint64_t other) {
          return LockedHome::address_of(numbers.index, NumberIndex::hash_of(one)) <
                 LockedHome::address_of(numbers.index, NumberIndex::hash_of(other));
        });
        std::vector<LockedHome> homes;
        homes.reserve(order.size());
        for (const std::uint64_t number : order) homes.emplace_back(numbers.index, NumberIndex::hash_of(number), LockedHome::OneOfSeveral{});
        for (std::size_t i = 0; i < order.size(); ++i) {
          const std::uint64_t hash = NumberIndex::hash_of(order[i]);
          homes[i].swing(homes[i].find(hash, NumberIndex::is(order[i])), NumberIndex::item(order[i], static_cast<std::uint64_t>(round)));
        }
        homes.clear();
        numbers.index.resume_growth();
      }
      if (round % 500 == 0) numbers.index.shrink_to(round % 1000 == 0 ? 9 : 12);
      (void)numbers.index.help_growing(participant);
      participant.quiescent();
    }
    done = true;
    participant.offline();
  };
  const auto read = [&](unsigned seed) {
    Participant participant(numbers.domain);
    std::minstd_rand random(seed);
    while (!done) {
      participant.online();
      const std::uint64_t one = kTogether[random() % kTogether.size()];
      const std::uint64_t other = kTogether[random() % kTogether.size()];
      const auto first = static_cast<std::int16_t>(NumberIndex::version_of(numbers.find(one).slot));
      const auto second = static_cast<std::int16_t>(NumberIndex::version_of(numbers.find(other).slot));
      // What was read later is not older; both are versions modulo 2^16, more than there are rounds.
      if (static_cast<std::int16_t>(second - first) < 0) ++torn;
      participant.offline();
    }
  };
  std::vector<std::jthread> threads;
  threads.emplace_back(read, 1);
  threads.emplace_back(read, 2);
  threads.emplace_back(write);
  threads.clear();
  EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace strata::test
