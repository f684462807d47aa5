// What a thread keeps of the chunks it frees, to use them again.
#include "engine/cache/chunk_magazine.h"

#include <array>
#include <set>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

TEST(ChunkMagazineTest, GivesOutTheNewestOfJustTheSize) {
  ChunkMagazine magazine;
  EXPECT_EQ(magazine.take(21), 0U);
  magazine.add(100, 21);
  magazine.add(200, 21);
  magazine.add(300, 22);
  EXPECT_EQ(magazine.bytes(), (21 + 21 + 22) * kGranuleBytes);
  EXPECT_EQ(magazine.take(20), 0U);
  EXPECT_EQ(magazine.take(23), 0U);
  EXPECT_EQ(magazine.take(21), 200U);
  magazine.add(400, 21);
  EXPECT_EQ(magazine.take(21), 400U);
  EXPECT_EQ(magazine.take(21), 100U);
  EXPECT_EQ(magazine.take(21), 0U);
  EXPECT_EQ(magazine.take(22), 300U);
  EXPECT_TRUE(magazine.empty());
}

TEST(ChunkMagazineTest, HoldsSoManyChunksAndBytesAtMost) {
  ChunkMagazine magazine;
  for (std::uint64_t n = 1; n <= ChunkMagazine::kMostChunks; ++n) {
    ASSERT_TRUE(magazine.has_room(1));
    magazine.add(n, 1);
  }
  EXPECT_FALSE(magazine.has_room(1));
  std::set<std::uint64_t> taken;
  while (const std::uint64_t offset = magazine.take_any()) taken.insert(offset);
  EXPECT_EQ(taken.size(), ChunkMagazine::kMostChunks);
  EXPECT_TRUE(magazine.empty());

  EXPECT_FALSE(magazine.has_room(ChunkMagazine::kMostGranules + 1));
  EXPECT_EQ(magazine.take(ChunkMagazine::kMostGranules + 1), 0U);
  std::uint64_t bytes = 0;
  for (std::uint64_t n = 1; magazine.has_room(ChunkMagazine::kMostGranules); ++n, bytes = magazine.bytes())
    magazine.add(n, ChunkMagazine::kMostGranules);
  EXPECT_EQ(bytes, ChunkMagazine::kMostBytes);
}

TEST(ChunkMagazineTest, IsToBeEmptiedAfterItHasRefusedMany) {
  ChunkMagazine magazine;
  for (std::uint32_t n = 0; n < 2 * ChunkMagazine::kMostRefused; ++n) magazine.note_refused();
  EXPECT_FALSE(magazine.is_to_be_emptied()) << "it is empty";
  magazine.add(8, 2);
  EXPECT_TRUE(magazine.is_to_be_emptied());
  EXPECT_EQ(magazine.take_any(), 8U);
  magazine.add(16, 2);
  EXPECT_FALSE(magazine.is_to_be_emptied());
  EXPECT_FALSE(magazine.has_refused_last());
  magazine.note_refused();
  EXPECT_TRUE(magazine.has_refused_last());
}

class ItemMemoryKeeping : public ItemMemoryTest {
 protected:
  void let_go(std::uint64_t offset) {
    check(offset, items.at(offset));
    items.erase(offset);
    memory->release(std::array{offset}, handle.get());
  }
  [[nodiscard]] std::uint64_t kept_bytes() const { return ItemMemory::kept_bytes(*handle); }
};

TEST_F(ItemMemoryKeeping, WhatIsWrittenOverAgainTakesThePlacesInTurn) {
  std::vector<std::uint64_t> offsets(2000);
  for (std::uint64_t& offset : offsets) offset = put(84);
  const ItemMemory::Statistics before = memory->statistics();
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t& offset : offsets) {
      const std::uint64_t old = offset;
      let_go(old);
      EXPECT_EQ(offset = put(84), old);
    }
  }
  const ItemMemory::Statistics after = memory->statistics();
  EXPECT_EQ(after.kept - before.kept, 3 * offsets.size());
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.released, before.released);
  verify();
}

TEST_F(ItemMemoryKeeping, OtherSizesDoNotGetThem) {
  const std::uint64_t small = put(84), behind = put(40);
  let_go(small);
  EXPECT_EQ(kept_bytes(), 84U);
  EXPECT_NE(put(80), small);
  EXPECT_NE(put(88), small);
  EXPECT_EQ(put(84), small);
  check(behind, 40);
  verify();
}

TEST_F(ItemMemoryKeeping, WhatItHasNoRoomForIsFree) {
  std::vector<std::uint64_t> offsets(3 * ChunkMagazine::kMostChunks);
  for (std::uint64_t& offset : offsets) offset = put(84);
  for (const std::uint64_t offset : offsets) let_go(offset);
  EXPECT_EQ(memory->statistics().kept, ChunkMagazine::kMostChunks);
  EXPECT_EQ(memory->statistics().released, 2 * ChunkMagazine::kMostChunks);
  ASSERT_EQ(memory->verify(), "");
  memory->close(*handle);
  EXPECT_EQ(kept_bytes(), 0U);
  verify();
  EXPECT_EQ(memory->statistics().free_bytes, kSegmentBytes);
}

TEST_F(ItemMemoryKeeping, NothingIsKeptWhereMuchIsFree) {
  std::vector<std::uint64_t> offsets;
  while (memory->statistics().memory.segments < 10) offsets.push_back(put(1000));
  memory->close(*handle);
  for (std::size_t n = 0; n < offsets.size(); n += 2) let_go(offsets[n]);
  EXPECT_GT(memory->statistics().kept, 0U);
  EXPECT_EQ(kept_bytes(), 0U) << "what was kept at first has come back";
  for (std::size_t n = 1; n < offsets.size(); n += 2) let_go(offsets[n]);
  EXPECT_EQ(kept_bytes(), 0U);
  verify();
  EXPECT_LE(memory->statistics().memory.segments, 1U);
}

TEST_F(ItemMemoryKeeping, TheLastThatThereIsGoesToWhoeverAsks) {
  memory->set_limit(2 * kSegmentBytes + 64'000);
  std::vector<std::uint64_t> offsets;
  while (const std::uint64_t offset = put(60)) offsets.push_back(offset);
  // Neighbours, which together have room for a larger one.
  std::sort(offsets.begin(), offsets.end());
  for (std::size_t n = 100; n < 104; ++n) let_go(offsets[n]);
  EXPECT_EQ(kept_bytes(), 240U);
  EXPECT_EQ(put(240), offsets[100]);
  EXPECT_EQ(kept_bytes(), 0U);
  verify();
}

TEST_F(ItemMemoryKeeping, WalksPassItOver) {
  const std::uint64_t first = put(84), second = put(84);
  memory->close(*handle);
  let_go(first);
  std::vector<std::uint64_t> seen;
  memory->for_each_chunk(memory->segment_of(first), [&](const ItemChunk& chunk) {
    if (chunk.kind == FreeRuns::Kind::item) seen.push_back(chunk.offset);
  });
  EXPECT_EQ(seen, std::vector{second});
  EXPECT_GT(memory->hand_next(0, 10, [&](const ItemChunk& chunk) { 
    EXPECT_NE(chunk.offset, first);
    return true;
  }), 0U);
}

TEST_F(ItemMemoryKeeping, NothingIsKeptWhileASegmentIsEmptied) {
  std::vector<std::uint64_t> offsets;
  while (memory->statistics().memory.segments < 6) offsets.push_back(put(1000));
  memory->close(*handle);
  for (std::size_t n = 0; n < 60; ++n) drop(offsets[n]);
  ASSERT_NE(memory->begin_draining(0, 10'000, 0), 0U);
  let_go(offsets[100]);
  EXPECT_EQ(kept_bytes(), 0U);
  memory->end_draining(0, 0);
  let_go(offsets[200]);
  EXPECT_EQ(kept_bytes(), 1000U);
}

}  // namespace
}  // namespace strata::cache
