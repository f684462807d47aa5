#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/corruption.h"
#include "tests/engine/pools/pool_fixture.h"

namespace strata::pools {
namespace {

using allocator::Corruption;
using allocator::kSliceBytes;
using test::ReportLog;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class SegmentPool : public test::PoolTest {
 protected:
  Pool& make_segments(const PoolSizing& sizing = {}) {
    return make({.name = "segments", .kind = PoolKind::segment, .sizing = sizing});
  }
};

TEST_F(SegmentPool, GivesAndTakesBlocksOfAnySize) {
  Pool& pool = make_segments();
  std::mt19937 random(1);
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const std::size_t bytes = random() % 100 == 0 ? random() % 300'000 : random() % 3000;
      auto* const block = static_cast<unsigned char*>(pool.allocate(bytes));
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(is_aligned(block, 16));
      std::memset(block, static_cast<int>(bytes % 251), bytes);
      blocks.emplace_back(block, bytes);
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      const auto [block, bytes] = blocks.back();
      for (std::size_t at = 0; at < bytes; ++at) ASSERT_EQ(block[at], bytes % 251);
      pool.deallocate(block);
      blocks.pop_back();
    }
  }
  EXPECT_EQ(pool.info().block_count, blocks.size());
  const void* lowest = blocks.front().first;
  for (const auto& block : blocks) lowest = std::min<const void*>(lowest, block.first);
  EXPECT_EQ(pool.info().first_block, lowest);
  EXPECT_LE(pool.info().start_address, lowest);
}

TEST_F(SegmentPool, TakesItsInitialSizeAtOnceAndNeverLess) {
  Pool& pool = make_segments({.initial_bytes = kMiB, .shrink_after_rounds = 1});
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  EXPECT_EQ(pool.info().chunk_count, kMiB / kSliceBytes);
  pool.deallocate(pool.allocate(1000));
  for (int round = 0; round < 5; ++round) EXPECT_EQ(pool.cleanup(), 0U);
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  pool.reset();
  EXPECT_EQ(pool.info().total_bytes, kMiB);
}

TEST_F(SegmentPool, GrowsByItsFactor) {
  Pool& pool = make_segments({.initial_bytes = kMiB, .growth_percent = 100});
  while (pool.info().total_bytes == kMiB) ASSERT_NE(pool.allocate(kSliceBytes), nullptr);
  EXPECT_EQ(pool.info().block_count, kMiB / kSliceBytes + 1);
  EXPECT_EQ(pool.info().total_bytes, (kMiB + kSliceBytes) * 2);
}

TEST_F(SegmentPool, ShrinksAfterLowRoundsOnly) {
  Pool& pool = make_segments({.growth_percent = 50, .shrink_below_percent = 25, .shrink_after_rounds = 3});
  std::vector<void*> blocks;
  for (int count = 0; count < 10'000; ++count) blocks.push_back(pool.allocate(1000));
  const std::uint64_t full = pool.info().total_bytes;
  for (std::size_t index = 500; index < blocks.size(); ++index) pool.deallocate(blocks[index]);
  EXPECT_EQ(pool.info().total_bytes, full) << "empty segments stay";
  EXPECT_EQ(pool.cleanup(1000), 0U);
  EXPECT_EQ(pool.cleanup(1000), 0U);
  const std::uint64_t given_back = pool.cleanup(1000);
  EXPECT_GT(given_back, full / 2);
  EXPECT_EQ(pool.info().total_bytes, full - given_back);
  EXPECT_GE(pool.info().total_bytes, 500U * 1008 * 3 / 2);
  EXPECT_LE(pool.info().total_bytes, 500U * 1008 * 3 / 2 + 2 * kSliceBytes);
}

TEST_F(SegmentPool, ShrinksInSlices) {
  Pool& pool = make_segments({.shrink_after_rounds = 1});
  std::vector<void*> blocks;
  for (int count = 0; count < 3000; ++count) blocks.push_back(pool.allocate(1000));
  for (void* block : blocks) pool.deallocate(block);
  EXPECT_EQ(pool.cleanup(5), 5 * kSliceBytes);
  EXPECT_EQ(pool.cleanup(5), 5 * kSliceBytes);
  while (pool.cleanup(5) > 0) {
  }
  EXPECT_EQ(pool.info().total_bytes, 0U);
  EXPECT_EQ(pool.info().shrinks, 1U);
}

TEST_F(SegmentPool, LargeBlocksComeBackAtOnce) {
  Pool& pool = make_segments({.initial_bytes = kMiB});
  void* const large = pool.allocate(3 * kMiB);
  EXPECT_GE(pool.info().total_bytes, 4 * kMiB);
  pool.deallocate(large);
  EXPECT_EQ(pool.info().total_bytes, kMiB);
}

TEST_F(SegmentPool, TheMaximumHolds) {
  Pool& pool = make_segments({.initial_bytes = kMiB / 2, .max_bytes = kMiB});
  EXPECT_EQ(refusal(pool, 2 * kMiB), PoolRefusal::full);
  while (pool.allocate(1000) != nullptr) {
  }
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  EXPECT_EQ(refusal(pool, 1000), PoolRefusal::full);
  EXPECT_EQ(pool.info().refused_full, 3U);
  EXPECT_FALSE(pool.has_room_for(1000));
  pool.set_max_bytes(2 * kMiB);
  EXPECT_TRUE(pool.has_room_for(1000));
  EXPECT_NE(pool.allocate(1000), nullptr);
}

// What is kept empty must not stand in the way of a block that needs slices of its own.
TEST_F(SegmentPool, EmptySegmentsGiveWayToALargeBlock) {
  Pool& pool = make_segments({.initial_bytes = kMiB, .max_bytes = kMiB});
  EXPECT_NE(pool.allocate(kMiB / 2), nullptr);
  EXPECT_LE(pool.info().total_bytes, kMiB);
}

TEST_F(SegmentPool, MisuseIsReported) {
  const ReportLog reports;
  Pool& pool = make_segments();
  auto* const block = static_cast<std::byte*>(pool.allocate(100));
  void* const of_process = allocator::allocate(100'000);
  EXPECT_TRUE(pool.owns(block));
  EXPECT_FALSE(pool.owns(block + 16));
  for (void* address : {static_cast<void*>(block + 16), of_process}) {
    pool.deallocate(address);
    EXPECT_EQ(reports.only().kind, Corruption::invalid_free);
  }
  int foreign = 0;
  pool.deallocate(&foreign);
  EXPECT_EQ(reports.only().kind, Corruption::foreign_free);
  pool.deallocate(block);
  EXPECT_EQ(reports.count(), 0U);
  pool.deallocate(block);
  EXPECT_EQ(reports.only().kind, Corruption::invalid_free) << "freed twice";
  EXPECT_EQ(pool.info().block_count, 0U);
  allocator::deallocate(of_process);
}

TEST_F(SegmentPool, ItsBlocksMayBeFreedByTheProcess) {
  Pool& pool = make_segments();
  allocator::deallocate(pool.allocate(100));
  EXPECT_EQ(pool.info().block_count, 0U);
}

}  // namespace
}  // namespace strata::pools
