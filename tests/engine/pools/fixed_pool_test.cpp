#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/corruption.h"
#include "engine/allocator/limits.h"
#include "engine/allocator/poison.h"
#include "engine/allocator/statistics.h"
#include "tests/engine/allocator/block_ledger.h"
#include "tests/engine/pools/pool_fixture.h"

namespace strata::pools {
namespace {

using allocator::Corruption;
using test::BlockLedger;
using test::ReportLog;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class FixedPool : public test::PoolTest {
 protected:
  Pool& make_of(std::size_t block_bytes, const PoolSizing& sizing = {}, std::size_t alignment = 16) {
    return make(
        {.name = "of the test", .kind = PoolKind::fixed, .block_bytes = block_bytes, .alignment = alignment, .sizing = sizing});
  }
  static std::vector<void*> take(Pool& pool, std::size_t count) {
    std::vector<void*> blocks;
    for (std::size_t index = 0; index < count; ++index) blocks.push_back(pool.allocate(1));
    EXPECT_EQ(std::count(blocks.begin(), blocks.end(), nullptr), 0);
    return blocks;
  }
};

TEST_F(FixedPool, KeepsBlocksApartAlignedAndIntact) {
  for (const auto& [bytes, alignment] : {std::pair<std::size_t, std::size_t>{1, 8},
                                         {8, 8},
                                         {24, 8},
                                         {100, 16},
                                         {1000, 64},
                                         {5000, 4096},
                                         {70'000, 16},
                                         {70'000, 65536}}) {
    Pool& pool = make_of(bytes, {}, alignment);
    EXPECT_GE(pool.block_bytes(), bytes);
    EXPECT_LT(pool.block_bytes(), bytes + std::max<std::size_t>(alignment, 8));
    BlockLedger ledger;
    std::vector<void*> blocks;
    for (int count = 0; count < 3000; ++count) {
      void* const block = pool.allocate(bytes);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(is_aligned(block, alignment));
      ASSERT_TRUE(ledger.add(block, bytes, static_cast<unsigned char>(count)));
      blocks.push_back(block);
    }
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(7));
    for (void* block : blocks) {
      ASSERT_TRUE(ledger.remove(block));
      pool.deallocate(block);
    }
    EXPECT_EQ(pool.info().used_bytes, 0U);
    Pool::destroy(std::exchange(pool_, nullptr));
  }
}

TEST_F(FixedPool, EveryPlaceOfAChunkIsUsed) {
  for (const std::size_t bytes : {8U, 16U, 40U, 104U, 1000U, 16'400U}) {
    Pool& pool = make_of(bytes, {.growth_percent = 0}, 8);
    (void)pool.allocate(1);
    const std::uint64_t chunk_bytes = pool.info().total_bytes;
    const std::uint64_t blocks = pool.info().free_blocks + 1;
    // Bits and what is left at the end: a bit and a byte's rounding for each block, and less than a block and two lines.
    EXPECT_LE(chunk_bytes - blocks * pool.block_bytes(), blocks / 8 + 128 + pool.block_bytes());
    const std::vector<void*> all = take(pool, blocks - 1);
    EXPECT_EQ(pool.info().total_bytes, chunk_bytes);
    EXPECT_EQ(pool.info().free_blocks, 0U);
    (void)pool.allocate(1);
    EXPECT_EQ(pool.info().total_bytes, 2 * chunk_bytes);
    Pool::destroy(std::exchange(pool_, nullptr));
  }
}

TEST_F(FixedPool, BlocksComeBackLowestFirst) {
  Pool& pool = make_of(64);
  std::vector<void*> blocks = take(pool, 1000);
  for (const std::size_t index : {700U, 3U, 400U}) pool.deallocate(blocks[index]);
  EXPECT_EQ(pool.allocate(64), blocks[3]);
  EXPECT_EQ(pool.allocate(64), blocks[400]);
  EXPECT_EQ(pool.allocate(64), blocks[700]);
}

TEST_F(FixedPool, RefusesWhatItsBlocksAreNot) {
  Pool& pool = make_of(64, {}, 32);
  EXPECT_EQ(refusal(pool, 65), PoolRefusal::too_large);
  EXPECT_EQ(refusal(pool, ~std::size_t{0}), PoolRefusal::too_large);
  EXPECT_EQ(refusal(pool, 1, 64), PoolRefusal::alignment);
  EXPECT_EQ(refusal(pool, 1, 3), PoolRefusal::alignment);
  EXPECT_EQ(refusal(pool, 1, 0), PoolRefusal::alignment);
  EXPECT_EQ(pool.info().refused, 5U);
  EXPECT_EQ(pool.info().refused_full, 0U);
}

TEST_F(FixedPool, RefusesOptionsThatCannotBe) {
  const PoolOptions good{.kind = PoolKind::fixed, .block_bytes = 64};
  std::vector<PoolOptions> all(9, good);
  all[0].block_bytes = 0;
  all[1].block_bytes = FixedBlocks::kMostBlockBytes + 1;
  all[2].alignment = 0;
  all[3].alignment = 48;
  all[4].alignment = FixedBlocks::kMostAlignment * 2;
  all[5].sizing.shrink_after_rounds = 0;
  all[6].kind = static_cast<PoolKind>(3);
  all[8].sizing.max_bytes = kLeastChunkBytes - 1;
  all[7].kind = PoolKind::arena;  // which has no size of blocks
  for (const PoolOptions& options : all) {
    PoolRefusal why{};
    EXPECT_EQ(Pool::create(options, why), nullptr);
    EXPECT_EQ(why, PoolRefusal::options);
  }
}

TEST_F(FixedPool, TakesItsInitialSizeAtOnceAndNeverLess) {
  Pool& pool = make_of(64, {.initial_bytes = kMiB, .shrink_after_rounds = 1});
  EXPECT_GE(pool.info().total_bytes, kMiB);
  EXPECT_LT(pool.info().total_bytes, kMiB + kLeastChunkBytes);
  EXPECT_GE(in_use_bytes() - in_use_before_, kMiB);
  EXPECT_EQ(pool.info().growths, 0U);
  for (int round = 0; round < 5; ++round) (void)pool.cleanup();
  EXPECT_GE(pool.info().total_bytes, kMiB);
}

TEST_F(FixedPool, GrowsByItsFactor) {
  Pool& pool = make_of(64, {.initial_bytes = kMiB, .growth_percent = 100});
  (void)take(pool, pool.info().free_blocks);
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  (void)take(pool, 1);
  EXPECT_EQ(pool.info().total_bytes, 2 * kMiB);
  EXPECT_EQ(pool.info().growths, 1U);
}

TEST_F(FixedPool, TheMaximumHolds) {
  Pool& pool = make_of(1000, {.max_bytes = kMiB, .growth_percent = 100});
  std::size_t blocks = 0;
  while (pool.allocate(1000) != nullptr) ++blocks;
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  EXPECT_EQ(pool.info().block_count, blocks);
  EXPECT_GT(blocks, 1000U);
  EXPECT_EQ(refusal(pool, 1000), PoolRefusal::full);
  EXPECT_EQ(pool.info().refused, 2U);
  EXPECT_EQ(pool.info().refused_full, 2U);
  EXPECT_FALSE(pool.has_room_for(1000));
  void* const of_process = allocator::allocate(100'000);
  EXPECT_NE(of_process, nullptr) << "the maximum is the pool's alone";
  allocator::deallocate(of_process);
  pool.set_max_bytes(2 * kMiB);
  EXPECT_TRUE(pool.has_room_for(1000));
  EXPECT_NE(pool.allocate(1000), nullptr);
}

TEST_F(FixedPool, ShrinksAfterLowRoundsOnly) {
  Pool& pool = make_of(1000, {.growth_percent = 50, .shrink_below_percent = 25, .shrink_after_rounds = 3});
  std::vector<void*> blocks = take(pool, 20'000);
  const std::uint64_t full = pool.info().total_bytes;
  for (std::size_t index = 1000; index < blocks.size(); ++index) pool.deallocate(blocks[index]);
  EXPECT_EQ(pool.cleanup(1000), 0U);
  EXPECT_EQ(pool.cleanup(1000), 0U);
  EXPECT_EQ(pool.info().total_bytes, full) << "two rounds are not enough";
  const std::uint64_t in_use = in_use_bytes();
  const std::uint64_t given_back = pool.cleanup(1000);
  EXPECT_GT(given_back, full / 2);
  EXPECT_EQ(pool.info().total_bytes, full - given_back);
  EXPECT_LE(in_use_bytes(), in_use - given_back) << "the allocator has it back";
  EXPECT_EQ(pool.info().shrinks, 1U);
  // Room for one growth is left: no call to the system until it is used up.
  const std::uint64_t left = pool.info().total_bytes;
  EXPECT_GE(left, 1'500'000U);
  (void)take(pool, 400);
  EXPECT_EQ(pool.info().total_bytes, left);
}

TEST_F(FixedPool, APoolThatBreathesKeepsItsMemory) {
  Pool& pool = make_of(1000, {.shrink_after_rounds = 3});
  std::uint64_t full = 0;
  for (int breath = 0; breath < 10; ++breath) {
    std::vector<void*> blocks = take(pool, 5000);
    if (breath == 0) full = pool.info().total_bytes;
    EXPECT_EQ(pool.cleanup(), 0U);
    for (void* block : blocks) pool.deallocate(block);
    EXPECT_EQ(pool.cleanup(), 0U);
    EXPECT_EQ(pool.cleanup(), 0U);
  }
  EXPECT_EQ(pool.info().total_bytes, full);
  EXPECT_EQ(pool.info().shrinks, 0U);
}

TEST_F(FixedPool, ShrinksInSlices) {
  Pool& pool = make_of(1000, {.shrink_after_rounds = 2});
  for (void* block : take(pool, 20'000)) pool.deallocate(block);
  const std::uint64_t chunks = pool.info().chunk_count;
  (void)pool.cleanup(3);
  (void)pool.cleanup(3);
  EXPECT_EQ(pool.info().chunk_count, chunks - 3);
  (void)pool.cleanup(3);
  EXPECT_EQ(pool.info().chunk_count, chunks - 6) << "goes on without waiting again";
  while (pool.cleanup(3) > 0) {
  }
  EXPECT_EQ(pool.info().chunk_count, 0U);
  EXPECT_EQ(pool.info().shrinks, 1U);
}

TEST_F(FixedPool, ChunksWithABlockInUseStay) {
  Pool& pool = make_of(1000, {.growth_percent = 0, .shrink_below_percent = 90, .shrink_after_rounds = 1});
  std::vector<void*> blocks = take(pool, 1281);
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    if (index % 65 != 0) pool.deallocate(blocks[index]);
  }
  for (int round = 0; round < 5; ++round) EXPECT_EQ(pool.cleanup(), 0U);
  for (std::size_t index = 0; index < blocks.size(); index += 65) std::memset(blocks[index], 1, 1000);
}

TEST_F(FixedPool, ABlockFreedTwiceIsReported) {
  const ReportLog reports;
  Pool& pool = make_of(64);
  std::vector<void*> blocks = take(pool, 100);
  pool.deallocate(blocks[50]);
  EXPECT_EQ(reports.count(), 0U);
  pool.deallocate(blocks[50]);
  const allocator::CorruptionReport report = reports.only();
  EXPECT_EQ(report.kind, Corruption::double_free);
  EXPECT_EQ(report.address, blocks[50]);
  EXPECT_EQ(report.block_bytes, 64U);
  EXPECT_EQ(pool.info().block_count, 99U);
  EXPECT_FALSE(pool.owns(blocks[50]));
  EXPECT_TRUE(pool.owns(blocks[51]));
}

TEST_F(FixedPool, WhatIsNoBlockIsReported) {
  const ReportLog reports;
  Pool& pool = make_of(40, {}, 8);
  auto* const block = static_cast<std::byte*>(pool.allocate(40));
  const auto* const chunk = static_cast<const std::byte*>(pool.info().start_address);
  std::byte* const end = const_cast<std::byte*>(chunk) + kLeastChunkBytes - 1;
  void* const of_process = allocator::allocate(100'000);
  for (std::byte* address :
       {block + 1, block + 39, block - 40, const_cast<std::byte*>(chunk), end, static_cast<std::byte*>(of_process)}) {
    pool.deallocate(address);
    EXPECT_EQ(reports.only().kind, Corruption::invalid_free);
    EXPECT_FALSE(pool.owns(address));
  }
  int foreign = 0;
  pool.deallocate(&foreign);
  EXPECT_EQ(reports.only().kind, Corruption::foreign_free);
  pool.deallocate(nullptr);
  EXPECT_EQ(reports.count(), 0U);
  // And by the process' own free: no block of it begins there.
  allocator::deallocate(block);
  EXPECT_EQ(reports.only().kind, Corruption::invalid_free);
  EXPECT_EQ(pool.info().block_count, 1U);
  allocator::deallocate(of_process);
}

TEST_F(FixedPool, ABlockOfAnotherPoolIsReported) {
  const ReportLog reports;
  Pool& pool = make_of(64);
  PoolRefusal why{};
  Pool* const other = Pool::create({.kind = PoolKind::fixed, .block_bytes = 64}, why);
  void* const block = other->allocate(64);
  pool.deallocate(block);
  EXPECT_EQ(reports.only().kind, Corruption::invalid_free);
  EXPECT_TRUE(other->owns(block));
  Pool::destroy(other);
}

TEST_F(FixedPool, TheCheckedHeapTellsOfWritesToFreeBlocks) {
  if (!allocator::kCheckedHeap) GTEST_SKIP() << "of the checked heap";
  const ReportLog reports;
  Pool& pool = make_of(64);
  auto* const block = static_cast<unsigned char*>(pool.allocate(64));
  pool.deallocate(block);
  block[40] = 1;
  EXPECT_EQ(pool.allocate(64), block);
  const allocator::CorruptionReport report = reports.only();
  EXPECT_EQ(report.kind, Corruption::use_after_free);
  EXPECT_EQ(report.damaged_offset, 40U);
}

TEST_F(FixedPool, FreeBlocksCanNotBeTouchedUnderTheSanitizer) {
  if (!allocator::kFreeMemoryIsPoisoned) GTEST_SKIP() << "only under the address sanitizer, without memory checks";
  Pool& pool = make_of(64);
  auto* const block = static_cast<volatile char*>(pool.allocate(64));
  block[0] = 1;
  EXPECT_DEATH(block[64] = 1, "use-after-poison") << "the next one";
  pool.deallocate(const_cast<char*>(block));
  EXPECT_DEATH(block[0] = 1, "use-after-poison");
}

TEST_F(FixedPool, ResetFreesAllBlocks) {
  Pool& pool = make_of(64);
  const std::vector<void*> blocks = take(pool, 10'000);
  const std::uint64_t total = pool.info().total_bytes;
  pool.reset();
  EXPECT_EQ(pool.info().block_count, 0U);
  EXPECT_EQ(pool.info().total_bytes, total);
  const std::vector<void*> again = take(pool, 10'000);
  EXPECT_EQ(std::set<void*>(again.begin(), again.end()).size(), 10'000U);
  EXPECT_EQ(pool.info().total_bytes, total);
}

TEST_F(FixedPool, TellsWhatItIs) {
  Pool& pool = make_of(60, {.initial_bytes = kMiB, .max_bytes = 4 * kMiB}, 32);
  EXPECT_STREQ(pool.name(), "of the test");
  EXPECT_EQ(pool.block_bytes(), 64U);
  EXPECT_EQ(pool.alignment(), 32U);
  EXPECT_EQ(pool.lock_mode(), LockMode::mutex);
  PoolInfo info = pool.info();
  EXPECT_EQ(info.first_block, nullptr);
  EXPECT_NE(info.start_address, nullptr);
  EXPECT_EQ(info.max_bytes, 4 * kMiB);
  std::vector<void*> blocks = take(pool, 5000);
  pool.deallocate(blocks[0]);
  info = pool.info();
  EXPECT_EQ(info.first_block, *std::min_element(blocks.begin() + 1, blocks.end()));
  EXPECT_EQ(info.block_count, 4999U);
  EXPECT_EQ(info.used_bytes, 4999U * 64);
  EXPECT_EQ(info.taken_blocks, 5000U);
  EXPECT_EQ(info.chunk_count * kLeastChunkBytes, info.total_bytes);
}

// The allocator's accounting: heaps by their names, all bytes that the pool holds.
TEST_F(FixedPool, IsAHeapOfTheAllocator) {
  Pool& pool = make_of(64, {.initial_bytes = kMiB});
  std::vector<allocator::HeapDescription> heaps(100);
  heaps.resize(allocator::read_heaps(heaps.data(), heaps.size()));
  const auto ours =
      std::find_if(heaps.begin(), heaps.end(), [](const auto& heap) { return std::string("of the test") == heap.name.data(); });
  ASSERT_NE(ours, heaps.end());
  EXPECT_GE(ours->held_bytes, pool.info().total_bytes);
  EXPECT_EQ(in_use_bytes() - in_use_before_, ours->held_bytes + pool.info().record_bytes);
  EXPECT_TRUE(Pool::is_pool(&pool));
  EXPECT_FALSE(Pool::is_pool(nullptr));
  EXPECT_FALSE(Pool::is_pool(reinterpret_cast<std::byte*>(&pool) + 64));
  EXPECT_FALSE(Pool::is_pool(pool.allocate(1)));
  Pool::destroy(std::exchange(pool_, nullptr));
  EXPECT_FALSE(Pool::is_pool(&pool));
}

TEST_F(FixedPool, WithoutMemoryItRefuses) {
  Pool& pool = make_of(1000);
  (void)take(pool, 100);
  allocator::set_limit(in_use_bytes());
  while (pool.allocate(1000) != nullptr) {
  }
  EXPECT_EQ(refusal(pool, 1000), PoolRefusal::no_memory);
  PoolRefusal why{};
  EXPECT_EQ(Pool::create({.kind = PoolKind::fixed, .block_bytes = 64}, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::no_memory);
  allocator::set_limit(0);
  EXPECT_NE(pool.allocate(1000), nullptr);
}

TEST_F(FixedPool, FourThreadsKeepBlocksApart) {
  const ReportLog reports;
  Pool& pool = make_of(48, {.shrink_below_percent = 60, .shrink_after_rounds = 1});
  std::atomic<bool> sound = true;
  // At once and for long enough that they meet, whatever else runs.
  std::barrier begin(4);
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([&pool, &sound, &begin, number] {
      begin.arrive_and_wait();
      std::mt19937 random(number);
      std::vector<std::uint64_t*> blocks;
      for (int step = 0; step < 300'000; ++step) {
        if (blocks.size() < 10 || (random() % 2 == 0 && blocks.size() < 4000)) {
          auto* const block = static_cast<std::uint64_t*>(pool.allocate(48));
          if (block == nullptr) sound = false;
          std::fill_n(block, 6, number);
          blocks.push_back(block);
        } else {
          std::swap(blocks[random() % blocks.size()], blocks.back());
          if (!std::all_of(blocks.back(), blocks.back() + 6, [&](std::uint64_t word) { return word == number; })) sound = false;
          pool.deallocate(blocks.back());
          blocks.pop_back();
        }
        if (step % 1000 == 0) (void)pool.cleanup();
      }
      for (std::uint64_t* block : blocks) pool.deallocate(block);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(sound);
  EXPECT_EQ(reports.count(), 0U);
  EXPECT_EQ(pool.info().block_count, 0U);
}

}  // namespace
}  // namespace strata::pools
