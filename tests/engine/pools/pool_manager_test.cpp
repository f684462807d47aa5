#include "engine/pools/pool_manager.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/allocator/process_allocator.h"

namespace strata::pools {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class PoolManagerTest : public testing::Test {
 protected:
  Pool& fixed(const char* name, std::size_t block_bytes, const PoolSizing& sizing = {}) {
    return make({.name = name, .kind = PoolKind::fixed, .block_bytes = block_bytes, .sizing = sizing});
  }
  Pool& make(const PoolOptions& options) {
    PoolRefusal why{};
    Pool* const pool = manager_.create(options, why);
    EXPECT_NE(pool, nullptr) << static_cast<int>(why);
    return *pool;
  }
  // The name of the pool that is selected.
  std::string selected(std::size_t bytes, Selection strategy, std::size_t alignment = 1, bool or_arenas = false) {
    const Pool* const pool = manager_.select(bytes, alignment, strategy, or_arenas);
    return pool == nullptr ? "none" : pool->name();
  }
  static void take(Pool& pool, int count) {
    for (; count > 0; --count) EXPECT_NE(pool.allocate(1), nullptr);
  }

  PoolManager manager_;
};

TEST_F(PoolManagerTest, FindsPoolsByName) {
  Pool& first = fixed("first", 10);
  Pool& second = fixed("second", 10);
  EXPECT_EQ(manager_.find("first"), &first);
  EXPECT_EQ(manager_.find("second"), &second);
  EXPECT_EQ(manager_.find("third"), nullptr);
  EXPECT_EQ(manager_.find(""), nullptr);
  EXPECT_EQ(manager_.find(nullptr), nullptr);
  EXPECT_TRUE(manager_.destroy(&first));
  EXPECT_EQ(manager_.find("first"), nullptr);
  EXPECT_EQ(manager_.find("second"), &second);
  EXPECT_TRUE(manager_.destroy(nullptr));
  PoolManager other;
  EXPECT_FALSE(other.destroy(&second));
  EXPECT_TRUE(Pool::is_pool(&second));
}

TEST_F(PoolManagerTest, NamesAreUnique) {
  fixed("name", 10);
  PoolRefusal why{};
  EXPECT_EQ(manager_.create({.name = "name"}, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::name_taken);
  EXPECT_EQ(manager_.create({.name = std::string(64, 'n').c_str()}, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::options) << "too long to be told apart";
  fixed("", 10);
  fixed("", 10);
  EXPECT_EQ(manager_.totals().pools, 3U);
}

TEST_F(PoolManagerTest, ItsEndGivesEverythingBack) {
  (void)allocator::start_process_allocator();
  const std::uint64_t before = allocator::process.slices.statistics().in_use_bytes;
  {
    PoolManager manager;
    PoolRefusal why{};
    for (const PoolKind kind : {PoolKind::segment, PoolKind::fixed, PoolKind::arena}) {
      Pool* const pool = manager.create({.kind = kind, .block_bytes = kind == PoolKind::fixed ? 100U : 0U}, why);
      ASSERT_NE(pool, nullptr);
      take(*pool, 1000);
    }
  }
  EXPECT_EQ(allocator::process.slices.statistics().in_use_bytes, before);
}

TEST_F(PoolManagerTest, VisitsTheOldestFirst) {
  for (const char* name : {"a", "b", "c"}) fixed(name, 10);
  std::string names;
  manager_.for_each([&](const Pool& pool) { return names += pool.name(), names.size() < 2; });
  EXPECT_EQ(names, "ab");
}

TEST_F(PoolManagerTest, FirstFitTakesTheOldestOfAboutTheSize) {
  fixed("1000", 1000);
  fixed("500", 500);
  fixed("100", 100);
  EXPECT_EQ(selected(100, Selection::first_fit), "100");
  EXPECT_EQ(selected(490, Selection::first_fit), "500");
  EXPECT_EQ(selected(200, Selection::first_fit), "1000") << "all are twice as large: the oldest that will do";
  EXPECT_EQ(selected(1009, Selection::first_fit), "none");
  make({.name = "segments"});
  EXPECT_EQ(selected(200, Selection::first_fit), "segments");
  EXPECT_EQ(selected(1009, Selection::first_fit), "segments");
}

TEST_F(PoolManagerTest, BestFitTakesTheLeastWaste) {
  fixed("1008", 1008);
  fixed("112", 112);
  fixed("208", 208);
  EXPECT_EQ(selected(100, Selection::best_fit), "112");
  EXPECT_EQ(selected(150, Selection::best_fit), "208");
  EXPECT_EQ(selected(300, Selection::best_fit), "1008");
  make({.name = "segments"});
  EXPECT_EQ(selected(150, Selection::best_fit), "segments");
  EXPECT_EQ(selected(208, Selection::best_fit), "208") << "of equals the oldest";
}

TEST_F(PoolManagerTest, LeastUsedTakesTheEmptiest) {
  Pool& first = fixed("first", 1000, {.initial_bytes = kMiB});
  Pool& second = fixed("second", 1000, {.initial_bytes = kMiB});
  EXPECT_EQ(selected(10, Selection::least_used), "first");
  take(first, 2);
  EXPECT_EQ(selected(10, Selection::least_used), "second");
  take(second, 3);
  EXPECT_EQ(selected(10, Selection::least_used), "first");
}

TEST_F(PoolManagerTest, RoundRobinTakesThemByTurns) {
  fixed("small", 10);
  fixed("a", 100);
  Pool& b = fixed("b", 100);
  fixed("c", 100);
  std::string order;
  for (int turn = 0; turn < 5; ++turn) order += selected(50, Selection::round_robin);
  EXPECT_EQ(order, "abcab");
  manager_.destroy(&b);
  EXPECT_EQ(selected(50, Selection::round_robin), "a") << "begins anew";
  EXPECT_EQ(selected(50, Selection::round_robin), "c");
  EXPECT_EQ(selected(50, Selection::round_robin), "a");
}

TEST_F(PoolManagerTest, PoolsWithoutRoomAreLeftOut) {
  Pool& full = fixed("full", 100, {.max_bytes = kLeastChunkBytes});
  fixed("next", 200);
  EXPECT_EQ(selected(100, Selection::first_fit), "full");
  while (full.allocate(100) != nullptr) {
  }
  for (const Selection strategy : {Selection::first_fit, Selection::best_fit, Selection::least_used, Selection::round_robin})
    EXPECT_EQ(selected(100, strategy), "next");
}

TEST_F(PoolManagerTest, AlignmentAndArenasAreMinded) {
  fixed("16", 1000);
  make({.name = "4096", .kind = PoolKind::fixed, .block_bytes = 1000, .alignment = 4096});
  make({.name = "arena", .kind = PoolKind::arena});
  EXPECT_EQ(selected(10, Selection::first_fit, 16), "16");
  EXPECT_EQ(selected(10, Selection::first_fit, 64), "4096");
  EXPECT_EQ(selected(10, Selection::first_fit, 8192), "none");
  EXPECT_EQ(selected(10, Selection::first_fit, 8192, true), "arena");
  EXPECT_EQ(selected(10, Selection::first_fit, 3, true), "none");
}

TEST_F(PoolManagerTest, TotalsAreThoseOfAllPools) {
  Pool& first = fixed("first", 1000, {.initial_bytes = kMiB});
  Pool& second = make({.name = "second", .sizing = {.max_bytes = kMiB}});
  take(first, 10);
  take(second, 5);
  EXPECT_EQ(second.allocate(2 * kMiB), nullptr);
  const PoolTotals totals = manager_.totals();
  EXPECT_EQ(totals.pools, 2U);
  EXPECT_EQ(totals.block_count, 15U);
  EXPECT_EQ(totals.refused, 1U);
  EXPECT_EQ(totals.total_bytes, first.info().total_bytes + second.info().total_bytes);
  EXPECT_EQ(totals.used_bytes, first.info().used_bytes + second.info().used_bytes);
  EXPECT_EQ(totals.record_bytes, first.info().record_bytes + second.info().record_bytes);
}

TEST_F(PoolManagerTest, CleanupIsSharedByAllPools) {
  std::vector<Pool*> pools;
  for (const char* name : {"a", "b", "c"}) {
    Pool& pool = fixed(name, 1000, {.shrink_after_rounds = 1});
    std::vector<void*> blocks;
    for (int count = 0; count < 2000; ++count) blocks.push_back(pool.allocate(1000));
    for (void* block : blocks) pool.deallocate(block);
    pools.push_back(&pool);
  }
  const std::uint64_t chunks = pools[0]->info().chunk_count;
  ASSERT_GT(chunks, 10U);
  EXPECT_EQ(manager_.cleanup(4), 4 * kLeastChunkBytes);
  EXPECT_EQ(pools[0]->info().chunk_count, chunks - 4);
  EXPECT_EQ(manager_.cleanup(4), 4 * kLeastChunkBytes);
  EXPECT_EQ(pools[1]->info().chunk_count, chunks - 4) << "the next one's turn";
  while (manager_.cleanup(4) > 0) {
  }
  EXPECT_EQ(manager_.totals().total_bytes, 0U);
  manager_.destroy(pools[1]);
  EXPECT_EQ(manager_.cleanup(), 0U);
}

TEST_F(PoolManagerTest, RebalancingGivesToWhoIsRefused) {
  Pool& idle = fixed("idle", 1000, {.initial_bytes = kMiB, .max_bytes = 8 * kMiB});
  Pool& busy = fixed("busy", 1000, {.max_bytes = 2 * kMiB});
  Pool& unlimited = fixed("unlimited", 1000);
  take(unlimited, 5000);
  take(idle, 1500);
  for (int round = 0; round < 40; ++round) {
    while (busy.allocate(1000) != nullptr) {
    }
    (void)manager_.rebalance();
    ASSERT_EQ(idle.info().max_bytes + busy.info().max_bytes, 10 * kMiB);
  }
  EXPECT_EQ(idle.info().max_bytes, idle.info().total_bytes) << "what it holds it keeps";
  EXPECT_GE(idle.info().max_bytes, kMiB);
  EXPECT_GT(busy.info().total_bytes, 7 * kMiB) << "the pool's own maximum rose";
  EXPECT_EQ(unlimited.info().max_bytes, 0U);
  EXPECT_EQ(manager_.totals().moved_bytes, 8 * kMiB - idle.info().max_bytes);
  EXPECT_EQ(manager_.rebalance(), 0U) << "there is nothing more to give";
}

TEST_F(PoolManagerTest, RebalancingWaitsForSomeRounds) {
  fixed("idle", 1000, {.max_bytes = 8 * kMiB});
  Pool& busy = fixed("busy", 1000, {.max_bytes = kMiB});
  while (busy.allocate(1000) != nullptr) {
  }
  EXPECT_EQ(manager_.rebalance(), 0U);
  EXPECT_EQ(busy.allocate(1000), nullptr);
  EXPECT_EQ(manager_.rebalance(), 0U);
  EXPECT_EQ(busy.allocate(1000), nullptr);
  EXPECT_GT(manager_.rebalance(), 0U);
  fixed("new", 1000, {.max_bytes = kMiB});
  EXPECT_EQ(busy.info().max_bytes % kLeastChunkBytes, 0U);
  while (busy.allocate(1000) != nullptr) {
  }
  EXPECT_EQ(manager_.rebalance(), 0U) << "with other pools it begins anew";
}

TEST_F(PoolManagerTest, FourThreadsMakeUseAndDestroyPools) {
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([this, number] {
      const std::string name = "of thread " + std::to_string(number);
      for (int round = 0; round < 50; ++round) {
        PoolRefusal why{};
        Pool* const pool = manager_.create({.name = name.c_str(), .kind = PoolKind::fixed, .block_bytes = 100}, why);
        ASSERT_NE(pool, nullptr);
        take(*pool, 100);
        EXPECT_EQ(manager_.find(name.c_str()), pool);
        EXPECT_GE(manager_.totals().block_count, 100U);
        (void)manager_.cleanup();
        (void)manager_.select(10, 1, Selection::least_used);
        EXPECT_TRUE(manager_.destroy(pool));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(manager_.totals().pools, 0U);
}

}  // namespace
}  // namespace strata::pools
