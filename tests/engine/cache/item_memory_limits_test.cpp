// Memory that runs out, pages of large items, walks and the hand.
#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

using test::FakeMemoryCalls;

TEST_F(ItemMemoryTest, TheLimitIsKept) {
  const std::uint64_t limit = 8 * kSegmentBytes + 50'000;
  memory->set_limit(limit);
  std::uint64_t requested = 0;
  while (put(84) != 0) requested += 84;
  EXPECT_GT(requested, 7 * kSegmentBytes);
  EXPECT_LE(budget.bytes(Purpose::items), limit);
  EXPECT_GT(memory->statistics().memory.refused, 0U);
  EXPECT_EQ(put(70'000), 0U);
  EXPECT_EQ(put(1 << 20U), 0U);
  verify();
  // What is freed can be had again, to the last hole.
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    auto item = std::next(items.begin(), random() % 64);
    drop(item);
    ASSERT_NE(put(84), 0U);
  }
  verify();
  memory->set_limit(limit + kSegmentBytes);
  for (int round = 0; round < 3000; ++round) ASSERT_NE(put(84), 0U);
  verify();
}

TEST_F(ItemMemoryTest, TheLastIsTakenFromTheThreadsOwnRun) {
  memory->set_limit(budget.bytes(Purpose::items) + kSegmentBytes);
  ASSERT_NE(put(84), 0U);
  while (put(4096) != 0) {
  }
  EXPECT_EQ(memory->statistics().open_run_bytes, 0U);
  verify();
}

TEST_F(ItemMemoryTest, TheSystemRefuses) {
  ASSERT_NE(put(84), 0U);
  calls.fail_from(FakeMemoryCalls::commit_call, 1);
  const auto resident = budget.bytes(Purpose::items);
  std::uint64_t got = 0;
  while (put(84) != 0) ++got;
  EXPECT_GT(got, 3000U);
  EXPECT_EQ(put(1 << 20U), 0U);
  EXPECT_EQ(budget.bytes(Purpose::items), resident);
  EXPECT_GT(memory->statistics().memory.failed, 0U);
  verify();
  calls.let_all_succeed();
  EXPECT_NE(put(84), 0U);
  EXPECT_NE(put(1 << 20U), 0U);
  verify();
}

TEST_F(ItemMemoryTest, HugePagesAreAdviceOnly) {
  calls.fail_from(FakeMemoryCalls::huge_call, 1);
  SegmentGeometry geometry = kSmallGeometry;
  geometry.segment_bytes = 2U << 20U;
  geometry.large_segments = 1024;
  start(geometry);
  EXPECT_NE(put(84), 0U);
  EXPECT_EQ(memory->verify(), "");
}

TEST_F(ItemMemoryTest, NothingIsHeldWhenTheAddressesAreRefused) {
  // The region's addresses, the headers', the headers' memory.
  for (const auto& [call, number] :
       {std::pair(FakeMemoryCalls::reserve_call, 1U), {FakeMemoryCalls::reserve_call, 2U}, {FakeMemoryCalls::commit_call, 1U}}) {
    ItemMemory other(budget);
    calls.fail_from(call, number);
    const auto before = budget.bytes(Purpose::items), released = calls.made(FakeMemoryCalls::release_call);
    EXPECT_NE(other.start(calls, kSmallGeometry), std::errc{});
    EXPECT_TRUE(calls.made(FakeMemoryCalls::release_call) > released || number == 1U);
    EXPECT_EQ(budget.bytes(Purpose::items), before);
    calls.let_all_succeed();
  }
  SegmentGeometry too_large = kSmallGeometry;
  too_large.segment_bytes = 2U << 20U;
  too_large.large_segments = 4U << 20U;
  ItemMemory other(budget);
  EXPECT_EQ(other.start(calls, too_large), std::errc::invalid_argument);
}

// Segments and blocks that the system does not take back stay charged, and are used again.
TEST_F(ItemMemoryTest, WhatCannotBePurgedIsNotForgotten) {
  std::vector<std::uint64_t> large(4);
  for (std::uint64_t& offset : large) offset = put(300'000);
  for (int index = 0; index < 10'000; ++index) ASSERT_NE(put(84), 0U);
  const auto resident = budget.bytes(Purpose::items);
  calls.fail_from(FakeMemoryCalls::discard_call, 1);
  drop_all();
  memory->close(*handle);
  verify();
  EXPECT_EQ(budget.bytes(Purpose::items), resident);
  EXPECT_GT(memory->statistics().memory.unpurged_bytes, 4 * 300'000U);
  for (std::uint64_t& offset : large) offset = put(290'000);
  for (int index = 0; index < 9'000; ++index) ASSERT_NE(put(84), 0U);
  EXPECT_EQ(budget.bytes(Purpose::items), resident);
  verify();
  drop_all();
  calls.let_all_succeed();
  // The next block that goes back takes the others with it.
  drop(put(1'000'000));
  verify();
  EXPECT_EQ(memory->statistics().memory.large_bytes, 0U);
  EXPECT_EQ(memory->statistics().memory.unpurged_bytes % kSegmentBytes,
            0U);  // segments of mixed sizes: until they are opened again
}

TEST_F(ItemMemoryTest, LargeItemsHaveTheirPagesAndNoMore) {
  const auto before = budget.bytes(Purpose::items);
  const std::uint64_t quarter = put(kSegmentBytes / 4);
  EXPECT_EQ(memory->statistics().memory.large_blocks, 0U);
  drop(quarter);
  memory->give_back_free_segments();
  std::uint64_t pages = 0;
  for (const std::uint64_t bytes : {kSegmentBytes / 4 + 4, kSegmentBytes / 2, kSegmentBytes, kSegmentBytes + 4, 5 * kSegmentBytes,
                                    std::uint64_t{40} << 20U}) {
    ASSERT_NE(put(bytes), 0U) << bytes;
    pages += (bytes + 4095) / 4096;
  }
  EXPECT_EQ(memory->statistics().memory.large_bytes, pages * 4096);
  EXPECT_LE(budget.bytes(Purpose::items) - before, (pages + 8) * 4096);  // and pages of headers
  EXPECT_EQ(memory->statistics().memory.large_blocks, 6U);
  verify();
  drop_all();
  verify();
  EXPECT_EQ(memory->statistics().memory.large_bytes, 0U);
  EXPECT_EQ(memory->allocate(*handle, std::uint64_t{4} << 30U), 0U);
  verify();
}

TEST_F(ItemMemoryTest, LargeItemsComeAndGo) {
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    if (random() % 2 == 0 && !items.empty()) {
      drop(std::next(items.begin(), static_cast<long>(random() % items.size())));
    } else if (items.size() < 40) {
      const std::uint64_t bytes = 65'540 + random() % 2'000'000 / 4 * 4;
      ASSERT_NE(put(bytes), 0U);
    }
    if (round % 100 == 0) verify();
  }
  drop_all();
  verify();
}

TEST_F(ItemMemoryTest, AllAddressesAreUsedAndCanBeHadInOnePieceAgain) {
  SegmentGeometry geometry = kSmallGeometry;
  geometry.large_segments = 64;
  start(geometry);
  std::mt19937 random(4);
  for (int round = 0; round < 3; ++round) {
    for (int index = 0; index < 64; ++index) ASSERT_NE(put(70'000), 0U) << index;
    EXPECT_EQ(put(70'000), 0U);
    while (!items.empty()) drop(std::next(items.begin(), static_cast<long>(random() % items.size())));
    drop(put(64 * kSegmentBytes));
    for (const std::uint64_t segments : {32U, 3U, 16U, 5U})
      ASSERT_NE(put(segments * kSegmentBytes - 100'000), 0U);  // 32, 4, 16, 8
    for (int index = 0; index < 4; ++index) ASSERT_NE(put(70'000), 0U);
    EXPECT_EQ(put(70'000), 0U);
    verify();
    drop_all();
  }
}

TEST_F(ItemMemoryTest, LargeItemsAreTrimmed) {
  const std::uint64_t bytes = 1 << 20U;
  const std::uint64_t chunk = memory->allocate(*handle, bytes);
  const std::uint64_t item = memory->trim(chunk, 8, 700'000);
  EXPECT_EQ(item, chunk + 8);
  note(item, bytes - 700'008);
  fill(*handle, item, bytes - 700'008);
  verify();
  EXPECT_EQ(memory->statistics().memory.large_bytes, (bytes - 700'000 + 4095) / 4096 * 4096);
  std::vector<ItemChunk> seen;
  memory->for_each_chunk(memory->segment_of(item), [&](const ItemChunk& shown) { seen.push_back(shown); });
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].bytes, 8U);
  EXPECT_EQ(seen[1].offset, item);
  EXPECT_EQ(seen[1].bytes, bytes - 700'008);
  drop(item);
  verify();
}

TEST_F(ItemMemoryTest, TheLargestItemThereMayBe) {
  const ItemShape shape{.key_bytes = 512U << 20U, .value_bytes = 512U << 20U};
  const std::uint64_t offset = memory->allocate(*handle, shape.item_bytes());
  ASSERT_NE(offset, 0U);
  // Its bytes stay untouched here.
  shape.write_behind_header(memory->address(offset));
  memory->complete(*handle, offset, shape.header());
  std::uint64_t shown = 0;
  EXPECT_EQ(memory->hand_next(0, 10,
                              [&](const ItemChunk& chunk) {
                                shown = chunk.bytes;
                                return false;
                              }),
            1U);
  EXPECT_EQ(shown, shape.item_bytes());
  EXPECT_EQ(memory->verify(), "");
  memory->release(std::array{offset});
  EXPECT_EQ(memory->verify(), "");
}

TEST_F(ItemMemoryTest, AWalkShowsEveryChunkInOrderButOpenRuns) {
  for (std::uint64_t index = 0; index < 300; ++index) ASSERT_NE(put(40 + index % 50 * 4), 0U);
  for (int index = 0; index < 20; ++index) drop(std::next(items.begin(), 5L * index));
  const auto walk = [&] {
    std::uint64_t items_seen = 0, free_bytes = 0, end = 0;
    for (std::uint32_t segment = 0; segment < memory->segments_end(); ++segment) {
      memory->for_each_chunk(segment, [&](const ItemChunk& chunk) {
        EXPECT_GE(chunk.offset, end);
        end = chunk.offset + chunk.bytes;
        if (chunk.kind == FreeRuns::Kind::free) free_bytes += chunk.bytes;
        if (chunk.kind != FreeRuns::Kind::item) return;
        ++items_seen;
        ASSERT_EQ(items.count(chunk.offset), 1U);
        EXPECT_EQ(items[chunk.offset], chunk.bytes);
      });
    }
    return std::pair(items_seen, free_bytes);
  };
  EXPECT_LT(walk().first, items.size());
  memory->close(*handle);
  EXPECT_EQ(walk(), std::pair(std::uint64_t{items.size()}, memory->statistics().free_bytes));
  const std::uint64_t large = put(1 << 20U), reserved = memory->allocate(*handle, 3000);
  EXPECT_EQ(walk().first, items.size());
  memory->release(std::array{large, reserved});
}

class ItemMemoryHand : public ItemMemoryTest {
 protected:
  // Until it has seen `count` items; their offsets.
  std::vector<std::uint64_t> next(std::size_t count) {
    std::vector<std::uint64_t> seen;
    while (seen.size() < count) {
      const std::size_t shown = memory->hand_next(0, 7, [&](const ItemChunk& chunk) {
        seen.push_back(chunk.offset);
        return seen.size() < count;
      });
      if (shown == 0 && ++misses_ > 100'000) break;
    }
    return seen;
  }
  // Items that fill so many segments, and the handle closed.
  void fill_segments(std::uint32_t count) {
    const std::uint64_t opened = memory->statistics().memory.opened;
    while (memory->statistics().memory.opened < opened + count) ASSERT_NE(put(1000), 0U);
    memory->close(*handle);
  }
  int misses_ = 0;
};

// Takes what stands side by side, but for one.
struct Stretch {
  std::uint64_t stays = 0;
  std::vector<ItemChunk> items = {};
  std::size_t refused = 0;
  bool ended = false;

  void begin() { items.clear(); }
  bool add(const ItemChunk& chunk) {
    refused += chunk.offset == stays ? 1U : 0U;
    if (chunk.offset == stays) return false;
    items.push_back(chunk);
    return true;
  }
  void end() { ended = true; }
};

// What is freed of it is one chunk, free ones between the items among it.
TEST_F(ItemMemoryTest, AStretchIsItemsSideBySide) {
  constexpr std::uint64_t kBytes = 5000;
  for (std::uint64_t index = 0; index < 300; ++index) ASSERT_NE(put(40 + index % 50 * 4), 0U);
  memory->close(*handle);
  for (int index = 0; index < 40; ++index) drop(std::next(items.begin(), 5L * index));
  Stretch stretch{.stays = std::next(items.begin(), 20)->first};
  ASSERT_TRUE(memory->stretch_next(0, kBytes, 1000, stretch));
  EXPECT_TRUE(stretch.ended);
  EXPECT_EQ(stretch.refused, 1U);
  ASSERT_GT(stretch.items.size(), 20U);
  EXPECT_GT(stretch.items.front().offset, stretch.stays);
  std::uint64_t freed = 0;
  for (const ItemChunk& chunk : stretch.items) {
    EXPECT_EQ(items.at(chunk.offset), chunk.bytes);
    freed += chunk.bytes;
    drop(items.find(chunk.offset));
  }
  EXPECT_LT(freed, kBytes);  // the rest was free
  std::uint64_t there = 0;
  memory->for_each_chunk(memory->segment_of(stretch.items.front().offset), [&](const ItemChunk& chunk) {
    const bool is_around =
        chunk.offset <= stretch.items.front().offset && stretch.items.back().offset < chunk.offset + chunk.bytes;
    if (is_around && chunk.kind == FreeRuns::Kind::free) there = chunk.bytes;
  });
  EXPECT_GE(there, kBytes);
  Stretch other{.stays = stretch.stays};
  EXPECT_FALSE(memory->stretch_next(0, kBytes, 10, other)) << "not in so few chunks";
  EXPECT_FALSE(other.ended);
  EXPECT_EQ(memory->verify(), "");
}

TEST_F(ItemMemoryTest, AStretchEndsAtWhatIsNotThereToGo) {
  // Every tenth chunk is somebody's who has not completed it, and nothing reaches across it.
  std::vector<std::uint64_t> reserved;
  for (int index = 0; index < 400; ++index) {
    if (index % 10 == 0) {
      reserved.push_back(memory->allocate(*handle, 1000));
    } else {
      ASSERT_NE(put(1000), 0U);
    }
  }
  memory->close(*handle);
  std::size_t of_items = 0;
  for (int search = 0; search < 100; ++search) {
    Stretch stretch;
    // The rest of the segment is one chunk, and enough.
    ASSERT_TRUE(memory->stretch_next(0, 8'500, 1000, stretch));
    if (stretch.items.empty()) continue;
    of_items += stretch.items.size() == 9 ? 1U : 0U;
    ASSERT_LE(stretch.items.size(), 9U);
    for (std::size_t i = 1; i < stretch.items.size(); ++i)
      ASSERT_EQ(stretch.items[i].offset, stretch.items[i - 1].offset + stretch.items[i - 1].bytes);
  }
  EXPECT_GT(of_items, 20U);
  for (const std::uint64_t offset : reserved) memory->release(std::array{offset});
}

// Nor does it count as a round of the hand's.
TEST_F(ItemMemoryHand, StaysWhereItIsWhileStretchesAreLookedFor) {
  fill_segments(3);
  const std::vector<std::uint64_t> first = next(5);
  const std::uint32_t rounds = memory->hand_rounds(0);
  std::uint64_t last = 0;
  bool came_round = false;
  for (int search = 0; search < 200; ++search) {
    Stretch stretch;
    ASSERT_TRUE(memory->stretch_next(0, 20'000, 1000, stretch));
    const std::uint32_t segment = memory->segment_of(stretch.items.front().offset);
    for (std::size_t i = 1; i < stretch.items.size(); ++i) {
      ASSERT_EQ(stretch.items[i].offset, stretch.items[i - 1].offset + stretch.items[i - 1].bytes);
      ASSERT_EQ(memory->segment_of(stretch.items[i].offset), segment);
    }
    came_round |= stretch.items.front().offset < last;
    last = stretch.items.front().offset;
  }
  EXPECT_TRUE(came_round);
  EXPECT_EQ(memory->hand_rounds(0), rounds);
  const std::vector<std::uint64_t> second = next(5);
  EXPECT_EQ(second.front(), first.back() + items.at(first.back()));
}

TEST_F(ItemMemoryHand, EachRoundShowsEveryItemOnceInTheOrderOfSegments) {
  EXPECT_EQ(memory->hand_next(0, 10, [](const ItemChunk&) { return true; }), 0U);
  fill_segments(5);
  ASSERT_NE(put(1 << 20U), 0U);
  fill_segments(2);
  for (int round = 0; round < 3; ++round) {
    const std::vector<std::uint64_t> seen = next(items.size());
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), items.size());
    // Segments lie in the order in which they were opened; the large one came between.
    EXPECT_TRUE(std::is_sorted(
        seen.begin(), std::find_if(seen.begin(), seen.end(), [&](std::uint64_t offset) { return items[offset] > 1000; })));
  }
}

TEST_F(ItemMemoryHand, NewSegmentsComeLast) {
  fill_segments(6);
  const std::uint32_t hand = memory->segment_of(next(items.size() / 2).back());
  std::set<std::uint32_t> old_ones;
  for (const auto& [offset, bytes] : items) old_ones.insert(memory->segment_of(offset));
  fill_segments(3);
  // The rest of the segment where the hand stands, all others, the new ones, and then what it had passed of that segment.
  const std::vector<std::uint64_t> round = next(items.size());
  const auto is_new = [&](std::uint64_t offset) { return old_ones.count(memory->segment_of(offset)) == 0; };
  const auto first_new = std::find_if(round.begin(), round.end(), is_new);
  ASSERT_NE(first_new, round.end());
  std::set<std::uint32_t> before;
  std::for_each(round.begin(), first_new, [&](std::uint64_t offset) { before.insert(memory->segment_of(offset)); });
  EXPECT_EQ(before, old_ones);
  EXPECT_TRUE(std::all_of(first_new, round.end(),
                          [&](std::uint64_t offset) { return is_new(offset) || memory->segment_of(offset) == hand; }));
  EXPECT_EQ(std::set(round.begin(), round.end()).size(), items.size());
}

TEST_F(ItemMemoryHand, MovesOnFromALargeItemThatGoes) {
  fill_segments(1);
  const std::size_t small = items.size();
  const std::uint64_t first = put(1 << 20U), second = put(1 << 20U);
  next(small);
  EXPECT_EQ(next(1).front(), first);
  // It stands at the second of the two.
  drop(second);
  EXPECT_EQ(next(1).front(), items.begin()->first);
  const std::vector<std::uint64_t> round = next(items.size());
  EXPECT_EQ(std::set(round.begin(), round.end()).size(), items.size());
}

TEST_F(ItemMemoryHand, GoesOnWhereChunksHaveBeenFreedAndSegmentsAreGone) {
  fill_segments(4);
  std::mt19937 random(5);
  std::size_t evicted = 0;
  while (items.size() > 10) {
    for (const std::uint64_t offset : next(1 + random() % 3)) {
      drop(offset);
      ++evicted;
    }
    // And some elsewhere, also where the hand stands.
    drop(random() % 2 == 0 ? items.begin() : std::prev(items.end()));
    if (evicted % 50 == 0) verify();
  }
  const std::vector<std::uint64_t> seen = next(items.size());
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), items.size());
  EXPECT_LE(memory->statistics().memory.segments, 3U);
  verify();
}

// A cache at its limit: the hand evicts, new items come into what it leaves, in the domain where it evicted.
TEST_F(ItemMemoryHand, MakesRoomAtTheLimit) {
  memory->set_limit(6 * kSegmentBytes);
  std::mt19937 random(6);
  std::uint64_t evicted = 0;
  for (int round = 0; round < 50'000; ++round) {
    const std::uint64_t bytes = 40 + random() % 300 / 4 * 4;
    while (put(bytes) == 0) {
      std::vector<std::uint64_t> victims;
      memory->hand_next(memory->domain_of(*handle), 100, [&](const ItemChunk& chunk) {
        victims.push_back(chunk.offset);
        return victims.size() < 8;
      });
      for (const std::uint64_t victim : victims) drop(victim);
      evicted += victims.size();
    }
  }
  EXPECT_GT(evicted, 10'000U);
  EXPECT_LE(budget.bytes(Purpose::items), 6 * kSegmentBytes);
  verify();
}

}  // namespace
}  // namespace strata::cache
