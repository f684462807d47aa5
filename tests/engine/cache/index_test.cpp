// One shard of the index: what it holds, while it grows and shrinks.
#include <algorithm>
#include <random>
#include <set>
#include <thread>

#include "tests/engine/cache/index_fixture.h"

namespace strata::test {
namespace {

using cache::BucketHeader;
using cache::IndexGeometry;
using cache::Prefix;
using sync::qsbr::Participant;

class IndexTest : public testing::Test {
 protected:
  IndexTest() { participant.online(); }
  ~IndexTest() override { participant.offline(); }

  void settle() {
    while (numbers.index.help_growing(participant)) participant.quiescent();
    // What waits, and what was collected meanwhile.
    for (int times = 0; times < 3; ++times) participant.quiescent();
  }
  std::multiset<std::uint64_t> walk(unsigned homes = 5) const {
    std::multiset<std::uint64_t> seen;
    std::vector<Slot> slots;
    Prefix at = 0;
    do at = numbers.index.collect(at, homes, slots);
    while (at != 0);
    for (const Slot slot : slots) seen.insert(NumberIndex::number_of(slot));
    return seen;
  }

  NumberIndex numbers;
  Participant participant{numbers.domain};
};

TEST(IndexGeometry, BucketAndTagTellThePrefix) {
  std::mt19937_64 random(1);
  for (const std::uint32_t blocks : {1U, 2U, 3U, 9U, 1000U, 70'000U}) {
    for (const unsigned depth : {IndexGeometry::kLeastDepth, IndexGeometry::deepest(blocks)}) {
      const IndexGeometry geometry(blocks, depth);
      for (int i = 0; i < 20'000; ++i) {
        const Prefix prefix = geometry.prefix_of_hash(random());
        const std::uint64_t home = geometry.home_of(prefix);
        ASSERT_LT(home, geometry.buckets());
        ASSERT_EQ(geometry.prefix_of(home, geometry.tag_of(prefix)), prefix) << blocks << ' ' << depth;
        ASSERT_GE(prefix, geometry.first_prefix(home));
        if (home + 1 < geometry.buckets()) {
          ASSERT_LT(prefix, geometry.first_prefix(home + 1));
        }
      }
    }
  }
}

TEST(IndexGeometry, PlacesLeadBackHomeWithinTheBlock) {
  for (std::uint32_t tag = 0; tag <= 0xffff; ++tag) {
    for (std::uint64_t home : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{64 + 17}}) {
      std::set<std::uint64_t> places;
      for (const auto place :
           {cache::SlotPlace::home, cache::SlotPlace::buddy, cache::SlotPlace::alternate, cache::SlotPlace::alternate_buddy}) {
        const std::uint64_t there = IndexGeometry::bucket_at(home, static_cast<std::uint16_t>(tag), place);
        ASSERT_EQ(there / cache::kBlockBuckets, home / cache::kBlockBuckets);
        ASSERT_EQ(IndexGeometry::bucket_at(there, static_cast<std::uint16_t>(tag), place), home);
        places.insert(there);
      }
      ASSERT_EQ(places.size(), 4U) << tag;
    }
  }
}

TEST_F(IndexTest, HoldsWhatIsPutAndNothingElse) {
  EXPECT_FALSE(numbers.find(1));
  ASSERT_TRUE(numbers.put(participant, 1));
  ASSERT_TRUE(numbers.find(1));
  EXPECT_FALSE(numbers.find(2));
  EXPECT_EQ(NumberIndex::version_of(numbers.find(1).slot), 0U);
  ASSERT_TRUE(numbers.put(participant, 1, 9));
  EXPECT_EQ(NumberIndex::version_of(numbers.find(1).slot), 9U);
  EXPECT_TRUE(numbers.remove(1));
  EXPECT_FALSE(numbers.remove(1));
  EXPECT_FALSE(numbers.find(1));
}

TEST_F(IndexTest, FollowsItsModelWhileItGrowsAndShrinks) {
  constexpr std::uint64_t kNumbers = 40'000;
  std::mt19937 random(2);
  std::vector<int> model(kNumbers, -1);
  for (int step = 0; step < 400'000; ++step) {
    // More puts at first, then more removals.
    const bool puts = random() % 100 < (step < 200'000 ? 80U : 20U);
    const std::uint64_t number = random() % kNumbers;
    if (puts) {
      const int version = static_cast<int>(random() % 256);
      ASSERT_TRUE(numbers.put(participant, number, static_cast<std::uint64_t>(version)));
      model[number] = version;
    } else {
      ASSERT_EQ(numbers.remove(number), model[number] >= 0);
      model[number] = -1;
    }
    if (step % 50'000 == 25'000) numbers.index.shrink_to(20);
    if (step % 64 == 0) participant.quiescent();
    const std::uint64_t other = random() % kNumbers;
    const FoundSlot found = numbers.find(other);
    ASSERT_EQ(found ? static_cast<int>(NumberIndex::version_of(found.slot)) : -1, model[other]) << step;
  }
  EXPECT_GT(numbers.index.counters().moves, 10U);
  std::multiset<std::uint64_t> expected;
  for (std::uint64_t number = 0; number < kNumbers; ++number) {
    if (model[number] >= 0) expected.insert(number);
  }
  EXPECT_EQ(walk(), expected);
}

// A writer that has looked for the home before the table grew locks it where it is now.
TEST_F(IndexTest, WhatWasLookedForAheadIsLockedWhereItIsNow) {
  constexpr std::uint64_t kNumbers = 200'000;
  ASSERT_TRUE(numbers.put(participant, 1));
  const std::uint64_t hash = NumberIndex::hash_of(1);
  for (std::uint64_t number = 2; number < kNumbers;) {
    const IndexShard::Ahead ahead = numbers.index.look_ahead(hash);
    const std::uint64_t moves = numbers.index.counters().moves;
    // Until it has grown, and until it is in the middle of that, by turns.
    const bool until_grown = number % 2 == 0;
    while (number < kNumbers && (until_grown ? numbers.index.counters().moves == moves : !numbers.index.is_growing()))
      ASSERT_TRUE(numbers.put(participant, number++));
    {
      LockedHome home(numbers.index, hash, ahead);
      ASSERT_TRUE(home.find(hash, NumberIndex::is(1))) << number;
      ASSERT_TRUE(home.covers(hash));
    }
    ASSERT_TRUE(numbers.find(1));
    ASSERT_TRUE(numbers.put(participant, number++));
    // So that the table that was emptied can be grown into.
    for (int i = 0; i < 3; ++i) participant.quiescent();
  }
  EXPECT_GT(numbers.index.counters().moves, 10U);
}

TEST_F(IndexTest, GrowsByEighthsAndStaysFull) {
  constexpr std::uint64_t kNumbers = 300'000;
  double filled = 0;
  int samples = 0;
  for (std::uint64_t number = 0; number < kNumbers; ++number) {
    ASSERT_TRUE(numbers.put(participant, number));
    if (number % 64 == 0) participant.quiescent();
    // Behind the first steps, which are of one block each.
    if (number >= 10'000 && number % 1000 == 0) {
      const IndexShard::Counters counters = numbers.index.counters();
      filled +=
          static_cast<double>(number) / static_cast<double>((counters.buckets + counters.pool_buckets) * cache::Bucket::kSlots);
      ++samples;
    }
  }
  settle();
  // Pool buckets and tables that are being emptied included.
  EXPECT_GE(filled / samples, 0.88);
  const auto counters = numbers.index.counters();
  EXPECT_GT(counters.moves, 20U);
  EXPECT_LT(counters.pool_buckets * 8, counters.buckets);
  for (std::uint64_t number = 0; number < kNumbers; ++number) ASSERT_TRUE(numbers.find(number)) << number;
  EXPECT_EQ(walk(64).size(), kNumbers);
}

// Else what does not find a place near its home would lie in the pool: at 94 % full one in 30.
TEST_F(IndexTest, ItemsMakeRoomForOthersOfTheirHome) {
  constexpr std::uint32_t kBlocks = 64;
  numbers.index.shrink_to(kBlocks);
  settle();
  const std::uint64_t slots = numbers.index.counters().buckets * cache::Bucket::kSlots;
  ASSERT_EQ(slots, std::uint64_t{kBlocks} * cache::kBlockBuckets * cache::Bucket::kSlots);
  const std::uint64_t count = slots * 94 / 100;
  for (std::uint64_t number = 0; number < count; ++number) {
    LockedHome home(numbers.index, NumberIndex::hash_of(number));
    ASSERT_TRUE(home.insert(NumberIndex::hash_of(number), NumberIndex::item(number)));
  }
  EXPECT_GT(numbers.index.counters().sent_aside, count / 50);
  EXPECT_LT(numbers.index.counters().pool_buckets, 4 * kBlocks);
  for (std::uint64_t number = 0; number < count; ++number) ASSERT_TRUE(numbers.find(number)) << number;
  const std::multiset<std::uint64_t> walked = walk();
  EXPECT_EQ(walked.size(), count);
  EXPECT_EQ(std::set<std::uint64_t>(walked.begin(), walked.end()).size(), count);
  // And what lies aside is found, changed and removed there.
  for (std::uint64_t number = 0; number < count; ++number) {
    if (number % 2 == 0) {
      ASSERT_TRUE(numbers.remove(number)) << number;
    } else {
      ASSERT_TRUE(numbers.put(participant, number, 1)) << number;
    }
  }
  for (std::uint64_t number = 0; number < count; ++number) {
    const FoundSlot found = numbers.find(number);
    ASSERT_EQ(static_cast<bool>(found), number % 2 != 0) << number;
    if (found) {
      ASSERT_EQ(NumberIndex::version_of(found.slot), 1U);
    }
  }
}

TEST_F(IndexTest, GivesBackWhatItHasOutgrown) {
  for (std::uint64_t number = 0; number < 50'000; ++number) ASSERT_TRUE(numbers.put(participant, number));
  settle();
  const auto large = numbers.budget.bytes(cache::Purpose::index);
  for (std::uint64_t number = 1000; number < 50'000; ++number) ASSERT_TRUE(numbers.remove(number));
  numbers.index.shrink_to(3);
  settle();
  EXPECT_EQ(numbers.index.counters().buckets, 3U * cache::kBlockBuckets);
  EXPECT_LT(numbers.index.counters().pool_buckets, 8U);
  EXPECT_LT(numbers.budget.bytes(cache::Purpose::index) * 8, large);
  for (std::uint64_t number = 0; number < 1000; ++number) ASSERT_TRUE(numbers.find(number));
}

// A walk that goes on while the table grows and shrinks below it.
TEST_F(IndexTest, AWalkSeesOnceWhatStays) {
  constexpr std::uint64_t kStaying = 5000;
  for (std::uint64_t number = 0; number < kStaying; ++number) ASSERT_TRUE(numbers.put(participant, number));
  std::minstd_rand random(3);
  for (int round = 0; round < 20; ++round) {
    std::multiset<std::uint64_t> seen;
    Prefix at = 0;
    std::uint64_t coming = kStaying;
    do {
      std::vector<Slot> slots;
      at = numbers.index.collect(at, 1 + static_cast<unsigned>(random() % 20), slots);
      for (const Slot slot : slots) seen.insert(NumberIndex::number_of(slot));
      for (int i = 0; i < 40 && coming < 60'000; ++i) ASSERT_TRUE(numbers.put(participant, coming++));
      if (random() % 50 == 0) {
        for (std::uint64_t number = kStaying; number < coming; ++number) (void)numbers.remove(number);
        numbers.index.shrink_to(1 + static_cast<std::uint32_t>(random() % 40));
        coming = kStaying;
      }
      (void)numbers.index.help_growing(participant);
      participant.quiescent();
    } while (at != 0);
    for (std::uint64_t number = 0; number < kStaying; ++number) ASSERT_EQ(seen.count(number), 1U) << round << ' ' << number;
    for (std::uint64_t number = kStaying; number < 60'000; ++number) (void)numbers.remove(number);
  }
  EXPECT_GT(numbers.index.counters().moves, 20U);
}

// Threads own numbers and know what they have put; everybody looks at everybody's.
TEST(IndexThreads, AgreeWhileTablesGrowAndShrink) {
  NumberIndex numbers;
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 4000;
  constexpr int kSteps = 40'000;
  // What a number's version is at least: its owner raises it before it lets go of the lock.
  std::vector<std::atomic<int>> versions(kThreads * kEach);
  std::atomic<std::uint64_t> wrong = 0;
  const auto work = [&](std::uint64_t thread) {
    Participant participant(numbers.domain);
    participant.online();
    std::mt19937 random(static_cast<unsigned>(thread));
    std::vector<int> own(kEach, 0);  // 0: not there
    for (int step = 0; step < kSteps; ++step) {
      const std::uint64_t mine = random() % kEach;
      const std::uint64_t number = thread * kEach + mine;
      const FoundSlot found = numbers.find(number);
      const int seen = found ? static_cast<int>(NumberIndex::version_of(found.slot)) : 0;
      if (seen != own[mine]) ++wrong;
      if (own[mine] == 0 || random() % 3 != 0) {
        own[mine] = own[mine] % 255 + 1;
        if (!numbers.put(participant, number, static_cast<std::uint64_t>(own[mine]))) ++wrong;
      } else {
        own[mine] = 0;
        if (!numbers.remove(number)) ++wrong;
      }
      (void)numbers.find(random() % (kThreads * kEach));
      if (random() % 4000 == 0) numbers.index.shrink_to(1 + static_cast<std::uint32_t>(random() % 30));
      if (step % 16 == 0) participant.quiescent();
    }
    participant.offline();
  };
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) threads.emplace_back(work, thread);
  threads.clear();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(numbers.index.counters().moves, 5U);
}

}  // namespace
}  // namespace strata::test
