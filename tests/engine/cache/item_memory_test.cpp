// The memory of items with one thread: where they go, that they stay whole, that the books are right.
#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kRunBytes = std::uint64_t{ItemDomain::kRunGranules} * kGranuleBytes;

class ItemMemoryOfDomains : public ItemMemoryTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
  void SetUp() override {
    SegmentGeometry geometry = kSmallGeometry;
    geometry.domains = GetParam();
    start(geometry);
  }
  static std::uint64_t random_bytes(std::mt19937& random) {
    const std::uint64_t granules[] = {1 + random() % 12, 1 + random() % 100, 1 + random() % 100, 1 + random() % 1500,
                                      1 + random() % 16'384};
    return granules[random() % 100 < 2 ? 4 : random() % 4] * kGranuleBytes;
  }
};
INSTANTIATE_TEST_SUITE_P(Domains, ItemMemoryOfDomains, testing::Values(1U, 3U), testing::PrintToStringParamName());

TEST_P(ItemMemoryOfDomains, ItemsOfAllSizesStayWhole) {
  std::mt19937 random(1);
  for (int round = 0; round < 60'000; ++round) {
    // It grows, shrinks and grows again.
    const bool grows = round / 10'000 % 2 == 0;
    if (random() % 10 < (grows ? 4U : 6U) && !items.empty()) {
      auto item = items.lower_bound(std::prev(items.end())->first * (random() % 1000) / 1000);
      drop(item);
    } else {
      ASSERT_NE(put(random() % 1000 == 0 ? 65'540 + random() % 300'000 / 4 * 4 : random_bytes(random)), 0U);
    }
    if (round % 100 == 0) memory->close(*handle);
    if (round % 5000 == 0) verify();
  }
  verify();
  const auto told = memory->statistics();
  EXPECT_GT(told.runs_taken, 100U);
  EXPECT_GT(told.hole_hits, 100U);
  drop_all();
  memory->close(*handle);
  verify();
  // What is joined whole goes back, but for one segment of each domain.
  EXPECT_LE(memory->statistics().memory.segments, GetParam());
  EXPECT_EQ(memory->statistics().memory.large_blocks, 0U);
  memory->give_back_free_segments();
  verify();
  EXPECT_EQ(memory->statistics().memory.segments, 0U);
  EXPECT_EQ(budget.bytes(Purpose::items), memory->statistics().memory.header_bytes);
}

TEST_F(ItemMemoryTest, EachSizeAroundTheBordersOfBinsRunsAndSegments) {
  std::vector<std::uint64_t> granules;
  for (std::uint64_t count = 1; count <= 200; ++count) granules.push_back(count);
  for (std::uint64_t doubling = 128; doubling <= 16'384; doubling *= 2) {
    for (std::uint64_t part = 0; part < 32; ++part) {
      for (const std::uint64_t more : {0U, 1U, 2U}) granules.push_back(doubling + doubling / 32 * part + more - 1);
    }
  }
  std::vector<std::uint64_t> offsets;
  offsets.reserve(granules.size());
  for (const std::uint64_t count : granules) offsets.push_back(put(count * kGranuleBytes));
  verify();
  for (std::size_t index = 0; index < offsets.size(); index += 2) drop(offsets[index]);
  verify();
  for (std::size_t index = 0; index < offsets.size(); index += 2) offsets[index] = put(granules[index] * kGranuleBytes);
  verify();
  EXPECT_EQ(std::count(offsets.begin(), offsets.end(), 0U), 0);
  drop_all();
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().memory.segments, 1U);
}

TEST_F(ItemMemoryTest, ItemsAreCutOffARunFromItsEndDownwards) {
  const std::uint64_t first = put(84);
  for (std::uint64_t index = 1; index < 100; ++index) ASSERT_EQ(put(84), first - index * 84);
  EXPECT_EQ(memory->statistics().runs_taken, 1U);
  EXPECT_EQ(memory->statistics().allocations, 100U);
  EXPECT_EQ(memory->statistics().open_run_bytes, kRunBytes - 100 * std::uint64_t{84});
  // The next run follows in front: nothing is lost between them but the run's last granule.
  for (std::uint64_t index = 100; index < 1000; ++index) ASSERT_NE(put(84), 0U);
  EXPECT_EQ(memory->statistics().runs_taken, 6U);
  EXPECT_LT(first - items.begin()->first, std::uint64_t{1000} * 84 + 6 * kGranuleBytes);
  verify();
}

// The rest that a run has when it is closed needs a first word; where the first item reaches down to the run's begin it would be that item's.
TEST_F(ItemMemoryTest, RunsInTheSmallestFreeChunksLeaveARest) {
  constexpr std::uint64_t kSegmentGranules = kSegmentBytes / kGranuleBytes, kLargest = kSegmentGranules / 4;
  for (std::uint64_t free = 1024; free < 1100; free += free < 1030 ? 1 : 23) {
    for (std::uint64_t granules = free < 1030 ? 400 : 2; granules <= 512; ++granules) {
      start(kSmallGeometry);
      const std::uint64_t chunk = put(free * kGranuleBytes);
      for (std::uint64_t left = kSegmentGranules - free; left != 0; left -= std::min(left, kLargest)) {
        ASSERT_NE(put(std::min(left, kLargest) * kGranuleBytes), 0U);
      }
      drop(chunk);
      const std::uint64_t item = put(granules * kGranuleBytes);
      ASSERT_EQ(item - item % kSegmentBytes, chunk - chunk % kSegmentBytes) << "it lies elsewhere";
      verify();
      memory->close(*handle);
      verify();
      ASSERT_FALSE(HasFatalFailure()) << granules << " granules in " << free;
      drop_all();
    }
  }
}

TEST_F(ItemMemoryTest, TheLastPieceOfARunTakesItsFirstWord) {
  const std::uint64_t first = put(kGranuleBytes);
  const std::uint64_t rest = kRunBytes - 2 * kGranuleBytes;
  for (std::uint64_t taken = 0; taken < rest; taken += 2000) ASSERT_NE(put(std::min<std::uint64_t>(2000, rest - taken)), 0U);
  EXPECT_EQ(items.begin()->first, first - rest);
  EXPECT_EQ(memory->statistics().open_run_bytes, 0U);
  EXPECT_EQ(memory->statistics().runs_taken, 1U);
  verify();
  drop_all();
  verify();
}

TEST_F(ItemMemoryTest, WhatIsReleasedInAnOpenRunJoinsWhatLiesBehindIt) {
  const std::uint64_t a = put(100), b = put(100), c = put(100);
  ASSERT_EQ(c + 100, b);
  drop(b);
  verify();
  drop(c);  // the one that was cut off last
  verify();
  drop(a);
  verify();
  // As many items as a run of 16 KiB has room for, and its last granule.
  constexpr std::uint64_t kGranules = 100 / kGranuleBytes;
  constexpr std::uint64_t kRun = ((ItemDomain::kRunGranules - 1) / kGranules * kGranules + 1) * kGranuleBytes;
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes - kRun + 300);
  const std::uint64_t d = put(100);
  EXPECT_EQ(d, c - 100);
  verify();
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().open_run_bytes, 0U);
  drop(d);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes);
}

TEST_F(ItemMemoryTest, NeighboursOfAnOpenRunComeAndGo) {
  auto other = std::make_unique<ItemMemory::Handle>(*memory);
  // Three runs side by side: this thread's, with others' behind it and in front.
  std::vector<std::uint64_t> behind, in_front;
  behind.push_back(put(*other, 40));
  while (memory->statistics().runs_taken < 2) behind.push_back(put(*other, 40));
  memory->close(*other);
  drop(behind.back());
  behind.pop_back();
  const std::uint64_t own = put(52);
  in_front.push_back(put(*other, 40));
  verify();
  for (const auto& neighbours : {in_front, behind}) {
    for (const std::uint64_t offset : neighbours) drop(offset);
    verify();
  }
  memory->close(*other);  // frees what lies in front
  verify();
  ASSERT_NE(put(56), 0U);
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes - 52 - 56);
  drop(own);
}

TEST_F(ItemMemoryTest, ItemsMayBeCompletedInAnyOrder) {
  // A reserved chunk's neighbours are freed before it becomes an item; its bit must not get lost.
  std::vector<std::uint64_t> offsets(5);
  for (std::uint64_t& offset : offsets) offset = memory->allocate(*handle, 60);
  for (const std::uint64_t offset : offsets) note(offset, 60);
  for (const std::size_t index : {1U, 3U, 4U}) fill(*handle, offsets[index], 60);
  drop(offsets[1]);  // in front of [0]
  drop(offsets[3]);  // in front of [2]
  fill(*handle, offsets[2], 60);
  fill(*handle, offsets[0], 60);
  verify();
  drop(offsets[4]);
  verify();
  drop_all();
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes);
}

TEST_F(ItemMemoryTest, AReservedChunkMayBeReleased) {
  const std::uint64_t small = memory->allocate(*handle, 60), medium = memory->allocate(*handle, 5000);
  const std::uint64_t large = memory->allocate(*handle, 1 << 20U);
  memory->release(std::array{small, medium, large});
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes);
  EXPECT_EQ(memory->statistics().memory.large_bytes, 0U);
}

TEST_F(ItemMemoryTest, SmallItemsGetHolesWhenMuchIsFreeInThem) {
  std::vector<std::uint64_t> offsets(20'000);
  for (std::uint64_t& offset : offsets) offset = put(84);
  EXPECT_EQ(memory->statistics().hole_hits, 0U);
  const auto resident = memory->statistics().memory.resident_bytes;
  for (std::size_t index = 0; index < offsets.size(); index += 2) drop(offsets[index]);
  memory->close(*handle);
  for (int index = 0; index < 9'000; ++index) ASSERT_NE(put(84), 0U);
  EXPECT_GT(memory->statistics().hole_hits, 8'000U);
  EXPECT_EQ(memory->statistics().memory.resident_bytes, resident);
  verify();
}

TEST_F(ItemMemoryTest, TheBestHoleIsTaken) {
  // Holes of 400, 200 and 100 bytes between items, and enough others that holes are plenty.
  std::vector<std::uint64_t> holes, kept{put(40)};
  for (const std::uint64_t bytes : {400U, 200U, 100U}) {
    holes.push_back(put(bytes));
    kept.push_back(put(40));
  }
  for (int index = 0; index < 400; ++index) {
    holes.push_back(put(1000));
    kept.push_back(put(40));
  }
  memory->close(*handle);
  for (const std::uint64_t hole : holes) drop(hole);
  for (const std::size_t index : {2U, 1U, 0U}) {
    const std::uint64_t bytes = 400U >> index;
    EXPECT_EQ(put(bytes), holes[index]);
  }
  EXPECT_EQ(memory->statistics().hole_hits, 3U);
  verify();
}

TEST_F(ItemMemoryTest, NeighboursAreReleasedTogetherButForBordersOfSegments) {
  constexpr std::uint64_t kBytes = 100;
  while (memory->statistics().memory.segments < 4) ASSERT_NE(put(kBytes), 0U);
  memory->close(*handle);
  std::mt19937 random(3);
  const auto release = [&](std::map<std::uint64_t, std::uint64_t>::iterator first, std::size_t most) {
    std::vector<std::uint64_t> together;
    while (first != items.end() && together.size() < most) {
      check(first->first, first->second);
      together.push_back(first->first);
      first = items.erase(first);
    }
    const auto order = random() % 3;
    if (order == 1) std::reverse(together.begin(), together.end());
    if (order == 2) std::shuffle(together.begin(), together.end(), random);
    memory->release(together);
    verify();
  };
  // The last of one segment and the first of the next.
  auto first_of_another = std::next(items.begin());
  while (memory->segment_of(first_of_another->first) == memory->segment_of(std::prev(first_of_another)->first))
    ++first_of_another;
  release(std::prev(first_of_another), 2);
  while (!items.empty())
    release(std::next(items.begin(), static_cast<std::ptrdiff_t>(random() % items.size())), 1 + random() % 64);
}

TEST_F(ItemMemoryTest, AThreadsEndClosesItsRun) {
  std::thread([this] {
    thread_local std::unique_ptr<ItemMemory::Handle> own;
    own = std::make_unique<ItemMemory::Handle>(*memory);
    EXPECT_NE(put(*own, 84), 0U);
    EXPECT_GT(memory->statistics().open_run_bytes, 0U);
  }).join();
  EXPECT_EQ(memory->statistics().open_run_bytes, 0U);
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes - 84);
  verify();
}

TEST_F(ItemMemoryTest, TrimmedChunksLeaveNothingBehind) {
  for (const std::uint64_t bytes : {100U, 1000U, 20'000U}) {
    for (const std::uint64_t front : {0U, 4U, 8U}) {
      for (const std::uint64_t back : {0U, 4U, 48U}) {
        const std::uint64_t chunk = memory->allocate(*handle, bytes);
        const std::uint64_t begin = memory->trim(chunk, front, back);
        EXPECT_EQ(begin, chunk + front);
        note(begin, bytes - front - back);
        fill(*handle, begin, bytes - front - back);
        verify();
        ASSERT_NE(put(60), 0U);
      }
    }
  }
  drop_all();
  memory->close(*handle);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, memory->statistics().memory.segments * kSegmentBytes);
}

// Shows what the walk comes by; what expires is what the map says.
class WalkTest : public ItemMemoryTest {
 protected:
  std::vector<std::uint64_t> walk(std::int64_t now_ms, std::size_t most = 1000) {
    std::vector<std::uint64_t> seen;
    while (step(now_ms, most, seen)) {
    }
    return seen;
  }
  bool step(std::int64_t now_ms, std::size_t most, std::vector<std::uint64_t>& seen) {
    return memory->walk_expired(0, now_ms, most, [&](const ItemChunk& chunk) {
      seen.push_back(chunk.offset);
      return expiries.contains(chunk.offset) ? expiries[chunk.offset] : kNoExpiry;
    });
  }
  std::uint64_t put_until(std::uint64_t bytes, std::int64_t expiry_ms) {
    const std::uint64_t offset = put(bytes);
    expiries[offset] = expiry_ms;
    memory->note_expiry(offset, expiry_ms);
    return offset;
  }
  std::map<std::uint64_t, std::int64_t> expiries;
};

// A walk that stands at the end of a segment, because what was left of it went, is before the begin of the one behind it, and not in it.
TEST_F(WalkTest, StaysInItsSegmentWhenTheBeginOfTheNextOneIsFreed) {
  for (const bool joins_behind : {false, true}) {
    constexpr std::uint64_t kParts = 4;
    for (std::uint64_t i = 0; i < 2 * kParts; ++i) ASSERT_NE(put_until(kSegmentBytes / kParts, 1000), 0U);
    std::vector<std::uint64_t> offsets;
    for (const auto& [offset, item] : items) offsets.push_back(offset);
    ASSERT_EQ(offsets.back() - offsets.front(), (2 * kParts - 1) * (kSegmentBytes / kParts)) << "two segments side by side";
    std::vector<std::uint64_t> seen;
    ASSERT_TRUE(step(1000, kParts - 1, seen));
    ASSERT_EQ(seen, std::vector<std::uint64_t>(offsets.begin(), offsets.begin() + kParts - 1));
    if (joins_behind) drop(offsets[kParts - 2]);
    drop(offsets[kParts - 1]);
    drop(offsets[kParts]);
    seen.clear();
    while (step(1000, 1000, seen)) {
    }
    EXPECT_EQ(seen, std::vector<std::uint64_t>(offsets.begin() + kParts + 1, offsets.end()));
    verify();
    drop_all();
    expiries.clear();
    memory->give_back_free_segments();
  }
}

TEST_F(WalkTest, LooksIntoOpenRuns) {
  const std::uint64_t first = put_until(100, 1000), second = put_until(100, 5000);
  EXPECT_TRUE(walk(999).empty());
  // Cut off from the end of the run.
  EXPECT_EQ(walk(1000), (std::vector<std::uint64_t>{second, first}));
  EXPECT_EQ(memory->statistics().expiry_walks, 1U);
  // It was open: what was cut off meanwhile may not have been seen.
  EXPECT_TRUE(walk(1500).empty());
  EXPECT_EQ(walk(2000).size(), 2U);
  memory->close(*handle);
  EXPECT_EQ(walk(3000).size(), 2U);
  EXPECT_TRUE(walk(4999).empty());
  EXPECT_EQ(walk(5000).size(), 2U);
}

TEST_F(WalkTest, GoesOnBehindWhatIsFreedMeanwhile) {
  std::vector<std::uint64_t> placed;
  for (int i = 0; i < 100; ++i) placed.push_back(put_until(1000, 1000));
  memory->close(*handle);
  std::ranges::sort(placed);
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(step(1000, 50, seen));
  const std::size_t looked = seen.size();
  ASSERT_GT(looked, 10U);
  // Around where it is.
  for (std::size_t i = looked - 5; i < looked + 5; ++i) drop(placed[i]);
  while (step(1000, 50, seen)) {
  }
  placed.erase(placed.begin() + static_cast<std::ptrdiff_t>(looked), placed.begin() + static_cast<std::ptrdiff_t>(looked) + 5);
  EXPECT_EQ(seen, placed);
  verify();
}

TEST_F(WalkTest, GoesByTheClockOfEachCall) {
  for (int i = 0; i < 2; ++i) put_until(1000, 1500);
  memory->close(*handle);
  std::vector<std::uint64_t> seen;
  while (seen.empty()) ASSERT_TRUE(step(2000, 1, seen));
  // For this one it stays.
  while (step(1000, 10, seen)) {
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_FALSE(walk(2500).empty());
}

TEST_F(WalkTest, EndsWhereItsSegmentIsGivenBack) {
  for (int i = 0; i < 100; ++i) put_until(1000, 1000);
  memory->close(*handle);
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(step(1000, 10, seen));
  drop_all();
  memory->give_back_free_segments();
  verify();
  const std::size_t before = seen.size();
  while (step(1000, 10, seen)) {
  }
  EXPECT_EQ(seen.size(), before);
  const std::uint64_t offset = put_until(1000, 2000);
  EXPECT_EQ(walk(2000), std::vector<std::uint64_t>{offset});
}

}  // namespace
}  // namespace strata::cache
