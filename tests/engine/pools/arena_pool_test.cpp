#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/corruption.h"
#include "engine/allocator/poison.h"
#include "tests/engine/allocator/block_ledger.h"
#include "tests/engine/pools/pool_fixture.h"

namespace strata::pools {
namespace {

using allocator::Corruption;
using test::BlockLedger;
using test::ReportLog;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class ArenaPool : public test::PoolTest {
 protected:
  Pool& make_arena(const PoolSizing& sizing = {}, LockMode lock = LockMode::mutex) {
    return make({.name = "arena", .kind = PoolKind::arena, .lock = lock, .sizing = sizing});
  }
};

TEST_F(ArenaPool, PutsBlocksOneBehindTheOther) {
  Pool& pool = make_arena();
  auto* const first = static_cast<std::byte*>(pool.allocate(100));
  EXPECT_EQ(pool.allocate(20), first + 112);
  EXPECT_EQ(pool.info().first_block, first);
  EXPECT_EQ(pool.info().block_count, 2U);
  pool.deallocate(first);
  EXPECT_EQ(pool.info().block_count, 2U) << "single blocks are not given back";
}

TEST_F(ArenaPool, KeepsBlocksApartAlignedAndIntact) {
  Pool& pool = make_arena();
  BlockLedger ledger;
  std::mt19937 random(3);
  std::vector<void*> blocks;
  for (int count = 0; count < 3000; ++count) {
    const std::size_t bytes = random() % 50 == 0 ? random() % 600'000 : random() % 1000;
    const std::size_t alignment = random() % 20 == 0 ? std::size_t{1} << (random() % 19) : 1;
    PoolRefusal why{};
    void* const block = pool.allocate(bytes, alignment, why);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(is_aligned(block, std::max<std::size_t>(alignment, 16)));
    ASSERT_TRUE(ledger.add(block, bytes, static_cast<unsigned char>(count)));
    ASSERT_TRUE(pool.owns(block));
    blocks.push_back(block);
  }
  for (void* block : blocks) EXPECT_TRUE(ledger.remove(block));
  EXPECT_LE(pool.info().used_bytes, pool.info().total_bytes);
}

TEST_F(ArenaPool, RollsBackToAMark) {
  Pool& pool = make_arena();
  void* const kept = pool.allocate(100);
  const PoolInfo before = pool.info();
  const ArenaMark mark = pool.mark();
  void* const first = pool.allocate(5000);
  for (int count = 0; count < 300; ++count) (void)pool.allocate(5000);
  (void)pool.allocate(kMiB);
  EXPECT_GT(pool.info().chunk_count, 5U);
  ASSERT_TRUE(pool.roll_back(mark));
  EXPECT_EQ(pool.info().used_bytes, before.used_bytes);
  EXPECT_EQ(pool.info().block_count, 1U);
  EXPECT_TRUE(pool.owns(kept));
  EXPECT_FALSE(pool.owns(first));
  EXPECT_EQ(pool.allocate(5000), first) << "the memory is used again";
  const std::uint64_t total = pool.info().total_bytes;
  for (int count = 0; count < 300; ++count) (void)pool.allocate(5000);
  EXPECT_EQ(pool.info().total_bytes, total) << "other chunks, too";
}

TEST_F(ArenaPool, MarksNest) {
  Pool& pool = make_arena();
  std::vector<ArenaMark> marks;
  std::vector<std::uint64_t> used;
  for (int depth = 0; depth < 50; ++depth) {
    marks.push_back(pool.mark());
    used.push_back(pool.info().used_bytes);
    for (int count = 0; count <= depth; ++count) ASSERT_NE(pool.allocate(3000), nullptr);
  }
  for (; !marks.empty(); marks.pop_back(), used.pop_back()) {
    ASSERT_TRUE(pool.roll_back(marks.back()));
    ASSERT_EQ(pool.info().used_bytes, used.back());
  }
  EXPECT_EQ(pool.info().block_count, 0U);
  EXPECT_EQ(pool.info().first_block, nullptr);
}

TEST_F(ArenaPool, AMarkThatIsNoneIsRefused) {
  Pool& pool = make_arena();
  (void)pool.allocate(100);
  const ArenaMark early = pool.mark();
  (void)pool.allocate(100);
  const ArenaMark late = pool.mark();
  for (int count = 0; count < 100; ++count) (void)pool.allocate(10'000);
  const ArenaMark of_later_chunk = pool.mark();
  ASSERT_TRUE(pool.roll_back(early));
  EXPECT_FALSE(pool.roll_back(late)) << "lies in what was rolled back";
  EXPECT_FALSE(pool.roll_back(of_later_chunk));
  ArenaMark wrong = early;
  wrong.slice += 1;
  EXPECT_FALSE(pool.roll_back(wrong));
  wrong = early;
  wrong.cursor = 0;
  EXPECT_FALSE(pool.roll_back(wrong));
  wrong = early;
  wrong.cursor += 64;
  EXPECT_FALSE(pool.roll_back(wrong)) << "behind what is in use";
  wrong = early;
  wrong.blocks += 1;
  EXPECT_FALSE(pool.roll_back(wrong));
  wrong = early;
  wrong.serial += 1000;
  EXPECT_FALSE(pool.roll_back(wrong));
  EXPECT_EQ(pool.info().block_count, 1U);
  pool.reset();
  EXPECT_FALSE(pool.roll_back(early)) << "the chunk has another serial number then";
}

TEST_F(ArenaPool, ResetKeepsTheMemoryAndCleanupGivesItBack) {
  Pool& pool = make_arena({.initial_bytes = kMiB, .shrink_after_rounds = 2});
  for (int count = 0; count < 10'000; ++count) (void)pool.allocate(1000);
  const std::uint64_t total = pool.info().total_bytes;
  pool.reset();
  EXPECT_EQ(pool.info().used_bytes, 0U);
  EXPECT_EQ(pool.info().total_bytes, total);
  EXPECT_EQ(pool.cleanup(), 0U);
  EXPECT_EQ(pool.cleanup(), total - kMiB);
  EXPECT_EQ(pool.info().total_bytes, kMiB);
}

TEST_F(ArenaPool, TheMaximumHolds) {
  Pool& pool = make_arena({.max_bytes = kMiB});
  EXPECT_EQ(refusal(pool, kMiB), PoolRefusal::full) << "with its header";
  while (pool.allocate(1000) != nullptr) {
  }
  EXPECT_EQ(pool.info().total_bytes, kMiB);
  EXPECT_GT(pool.info().block_count, 1000U);
  EXPECT_EQ(refusal(pool, 1000), PoolRefusal::full);
  EXPECT_FALSE(pool.has_room_for(1000));
  EXPECT_EQ(refusal(pool, ~std::size_t{0}), PoolRefusal::too_large);
  EXPECT_EQ(refusal(pool, 1, std::size_t{1} << 63), PoolRefusal::too_large);
}

TEST_F(ArenaPool, WhatIsNotItsOwnIsReported) {
  const ReportLog reports;
  Pool& pool = make_arena();
  auto* const block = static_cast<std::byte*>(pool.allocate(100));
  int foreign = 0;
  pool.deallocate(&foreign);
  EXPECT_EQ(reports.only().kind, Corruption::foreign_free);
  pool.deallocate(block + 4096);
  EXPECT_EQ(reports.only().kind, Corruption::invalid_free) << "behind what is in use";
  allocator::deallocate(block);
  EXPECT_EQ(reports.only().kind, Corruption::invalid_free) << "the chunk is not freed in its place";
  pool.deallocate(block);
  pool.deallocate(nullptr);
  EXPECT_EQ(reports.count(), 0U);
}

TEST_F(ArenaPool, WhatWasRolledBackCanNotBeTouchedUnderTheSanitizer) {
  if (!allocator::kFreeMemoryIsPoisoned) GTEST_SKIP() << "only under the address sanitizer, without memory checks";
  Pool& pool = make_arena();
  (void)pool.allocate(100);
  const ArenaMark mark = pool.mark();
  auto* const block = static_cast<volatile char*>(pool.allocate(100));
  block[0] = 1;
  ASSERT_TRUE(pool.roll_back(mark));
  EXPECT_DEATH(block[0] = 1, "use-after-poison");
}

TEST_F(ArenaPool, OtherKindsHaveNoMarks) {
  Pool& pool = make({.kind = PoolKind::fixed, .block_bytes = 10});
  (void)pool.allocate(1);
  EXPECT_FALSE(pool.roll_back(pool.mark()));
  EXPECT_EQ(pool.info().block_count, 1U);
}

TEST_F(ArenaPool, FourThreadsKeepBlocksApart) {
  Pool& pool = make_arena();
  BlockLedger ledger;
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      for (int count = 0; count < 5000; ++count)
        EXPECT_TRUE(ledger.add(pool.allocate(100), 100, static_cast<unsigned char>(number)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.info().block_count, 20'000U);
  for (const auto& [address, entry] : std::map(ledger.blocks()))
    EXPECT_TRUE(ledger.remove(reinterpret_cast<const void*>(address)));  // NOLINT(performance-no-int-to-ptr)
}

// One thread at a time: nothing is locked, which a pool with a mutex would not let happen.
TEST_F(ArenaPool, WithoutALockItServesOneThread) {
  Pool& pool = make_arena({}, LockMode::none);
  EXPECT_EQ(pool.lock_mode(), LockMode::none);
  for (int count = 0; count < 1000; ++count) ASSERT_NE(pool.allocate(100), nullptr);
  EXPECT_EQ(pool.info().contentions, 0U);
}

}  // namespace
}  // namespace strata::pools
