#include "engine/api/pool.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class Pools : public ApiTest {
 protected:
  void TearDown() override {
    for (strata_pool* pool : pools_) strata_pool_destroy(pool);
    strata_pool_totals totals{};
    totals.struct_bytes = sizeof totals;
    EXPECT_EQ(strata_pools_totals(&totals), STRATA_OK);
    EXPECT_EQ(totals.pools, 0U);
  }

  strata_pool* make(const strata_pool_options& options) {
    strata_pool* pool = nullptr;
    EXPECT_EQ(strata_pool_create(&options, &pool), STRATA_OK) << strata_last_error()->text;
    pools_.push_back(pool);
    return pool;
  }
  strata_pool* make_fixed(const char* name, std::size_t block_bytes, std::uint64_t max_bytes = 0) {
    strata_pool_options options = of_kind(STRATA_POOL_FIXED);
    options.name = name;
    options.block_bytes = block_bytes;
    options.max_bytes = max_bytes;
    return make(options);
  }
  static strata_pool_options of_kind(strata_pool_kind kind) {
    strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
    options.kind = kind;
    return options;
  }
  static strata_pool_info info_of(const strata_pool* pool) {
    strata_pool_info info{};
    info.struct_bytes = sizeof info;
    EXPECT_EQ(strata_pool_get_info(pool, &info), STRATA_OK);
    return info;
  }

  std::vector<strata_pool*> pools_;
};

TEST_F(Pools, GiveBlocksAndTakeThemBack) {
  for (const strata_pool_kind kind : {STRATA_POOL_SEGMENT, STRATA_POOL_FIXED, STRATA_POOL_ARENA}) {
    strata_pool_options options = of_kind(kind);
    options.block_bytes = kind == STRATA_POOL_FIXED ? 100 : 0;
    strata_pool* const pool = make(options);
    void* const block = strata_pool_malloc(pool, 100);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U);
    std::memset(block, 1, 100);
    EXPECT_TRUE(strata_pool_owns(pool, block));
    EXPECT_EQ(info_of(pool).block_count, 1U);
    strata_pool_free(pool, block);
    EXPECT_EQ(info_of(pool).block_count, kind == STRATA_POOL_ARENA ? 1U : 0U);
    strata_pool_free(pool, nullptr);
    EXPECT_EQ(strata_pool_reset(pool), STRATA_OK);
    EXPECT_EQ(info_of(pool).block_count, 0U);
  }
  expect_no_failure();
}

TEST_F(Pools, KeepToTheirMaximumWithAnErrorOfItsOwn) {
  for (const strata_pool_kind kind : {STRATA_POOL_SEGMENT, STRATA_POOL_FIXED, STRATA_POOL_ARENA}) {
    strata_pool_options options = of_kind(kind);
    options.block_bytes = kind == STRATA_POOL_FIXED ? 1000 : 0;
    options.max_bytes = kMiB;
    strata_pool* const pool = make(options);
    EXPECT_EQ(info_of(pool).flags & STRATA_POOL_AT_MAXIMUM, 0U);
    while (strata_pool_malloc(pool, 1000) != nullptr) {
    }
    expect_failure(STRATA_POOL_FULL, "strata_pool_malloc", 1000);
    const strata_pool_info info = info_of(pool);
    EXPECT_EQ(info.flags, static_cast<unsigned>(STRATA_POOL_LIMITED | STRATA_POOL_SHRINKS | STRATA_POOL_AT_MAXIMUM));
    EXPECT_LE(info.total_size, kMiB);
    EXPECT_EQ(info.max_size, kMiB);
    EXPECT_EQ(info.refused_full, 1U);
    EXPECT_EQ(strata_pool_set_maximum(pool, 2 * kMiB), STRATA_OK);
    EXPECT_NE(strata_pool_malloc(pool, 1000), nullptr);
  }
}

TEST_F(Pools, TheProcessLimitIsAnotherError) {
  strata_pool* const pool = make_fixed("", 1000);
  ASSERT_NE(strata_pool_malloc(pool, 1000), nullptr);
  strata_set_memory_limit(1);
  while (strata_pool_malloc(pool, 1000) != nullptr) {
  }
  strata_set_memory_limit(0);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_pool_malloc", 1000);
}

TEST_F(Pools, RefuseSizesAndAlignments) {
  strata_pool* const pool = make_fixed("", 64);
  EXPECT_EQ(strata_pool_malloc(pool, 65), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_pool_malloc", 65);
  for (const std::size_t alignment : {0U, 3U, 4096U}) {
    EXPECT_EQ(strata_pool_aligned_alloc(pool, alignment, 1), nullptr);
    expect_failure(STRATA_INVALID_ALIGNMENT, "strata_pool_aligned_alloc", alignment);
  }
  EXPECT_NE(strata_pool_aligned_alloc(pool, 16, 64), nullptr);
  void* const aligned = strata_pool_aligned_alloc(make(of_kind(STRATA_POOL_SEGMENT)), 4096, 64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0U);
}

TEST_F(Pools, OptionsThatCannotBeAreRefused) {
  std::vector<std::pair<strata_pool_options, strata_status>> all(9, {of_kind(STRATA_POOL_FIXED), STRATA_INVALID_ARGUMENT});
  for (auto& [options, status] : all) options.block_bytes = 64;
  all[0].first.block_bytes = 0;
  all[1].first.alignment = 12;
  all[2].first.shrink_after_rounds = 0;
  all[3].first.growth_percent = 1001;
  all[4].first.initial_bytes = 2 * kMiB;
  all[4].first.max_bytes = kMiB;
  const std::string long_name(64, 'n');
  all[5].first.name = long_name.c_str();
  all[6].first.struct_bytes = offsetof(strata_pool_options, shrink_after_rounds);
  all[6].second = STRATA_STRUCT_SIZE;
  all[7].first.initial_bytes = std::uint64_t{1} << 60;
  all[7].second = STRATA_OUT_OF_MEMORY;
  const int none = 77;
  std::memcpy(&all[8].first.kind, &none, sizeof none);
  for (const auto& [options, status] : all) {
    strata_pool* pool = reinterpret_cast<strata_pool*>(this);
    EXPECT_EQ(strata_pool_create(&options, &pool), status) << &options - &all[0].first;
    EXPECT_EQ(pool, nullptr);
    expect_failure(status, "strata_pool_create", status == STRATA_STRUCT_SIZE ? options.struct_bytes : 0);
  }
  EXPECT_EQ(strata_pool_create(nullptr, nullptr), STRATA_INVALID_ARGUMENT);
}

TEST_F(Pools, AreFoundByName) {
  strata_pool* const pool = make_fixed("one", 10);
  EXPECT_EQ(strata_pool_find("one"), pool);
  EXPECT_EQ(strata_pool_find("two"), nullptr);
  expect_failure(STRATA_NOT_FOUND, "strata_pool_find");
  strata_pool_options options = of_kind(STRATA_POOL_ARENA);
  options.name = "one";
  strata_pool* other = nullptr;
  EXPECT_EQ(strata_pool_create(&options, &other), STRATA_ALREADY_THERE);
  EXPECT_STREQ(info_of(pool).name, "one");
}

TEST_F(Pools, TellWhatTheyAre) {
  strata_pool_options options = of_kind(STRATA_POOL_FIXED);
  options.lock = STRATA_POOL_UNLOCKED;
  options.block_bytes = 60;
  options.initial_bytes = kMiB;
  options.shrink_below_percent = 0;
  strata_pool* const pool = make(options);
  EXPECT_EQ(info_of(pool).first_block, nullptr);
  void* const first = strata_pool_malloc(pool, 1);
  ASSERT_NE(strata_pool_malloc(pool, 1), nullptr);
  const strata_pool_info info = info_of(pool);
  EXPECT_EQ(info.total_size, kMiB);
  EXPECT_EQ(info.initial_size, kMiB);
  EXPECT_EQ(info.used_size, 128U);
  EXPECT_EQ(info.block_size, 64U);
  EXPECT_EQ(info.block_count, 2U);
  EXPECT_EQ(info.flags, 0U);
  EXPECT_EQ(info.first_block, first);
  EXPECT_LT(info.start_address, first);
  EXPECT_EQ(info.lock_mode, STRATA_POOL_UNLOCKED);
  EXPECT_EQ(info.kind, STRATA_POOL_FIXED);
  EXPECT_EQ(info.blocks_taken, 2U);
  strata_pool_info unset{};
  EXPECT_EQ(strata_pool_get_info(pool, &unset), STRATA_STRUCT_SIZE);
  EXPECT_EQ(strata_pool_get_info(pool, nullptr), STRATA_INVALID_ARGUMENT);
}

TEST_F(Pools, AnArenaGoesBackToAMark) {
  strata_pool* const arena = make(of_kind(STRATA_POOL_ARENA));
  strata_pool_mark empty;
  ASSERT_EQ(strata_pool_set_mark(arena, &empty), STRATA_OK);
  ASSERT_NE(strata_pool_malloc(arena, 100), nullptr);
  strata_pool_mark mark;
  ASSERT_EQ(strata_pool_set_mark(arena, &mark), STRATA_OK);
  for (int count = 0; count < 1000; ++count) ASSERT_NE(strata_pool_malloc(arena, 1000), nullptr);
  EXPECT_EQ(strata_pool_roll_back(arena, &mark), STRATA_OK);
  EXPECT_EQ(info_of(arena).block_count, 1U);
  EXPECT_EQ(strata_pool_roll_back(arena, &empty), STRATA_OK);
  EXPECT_EQ(info_of(arena).block_count, 0U);
  EXPECT_EQ(strata_pool_roll_back(arena, &mark), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_pool_roll_back(arena, nullptr), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_pool_set_mark(make_fixed("", 10), &mark), STRATA_INVALID_ARGUMENT);
}

TEST_F(Pools, MisuseIsReported) {
  const CorruptionRecord record;
  strata_pool* const pool = make_fixed("", 64);
  auto* const block = static_cast<char*>(strata_pool_malloc(pool, 64));
  strata_pool_free(pool, block + 8);
  CorruptionRecord::expect_invalid_free(block + 8, "inside a block");
  strata_free(block);
  CorruptionRecord::expect_invalid_free(block, "by the process' free");
  strata_pool_free(pool, block);
  CorruptionRecord::expect_nothing("a block");
  static std::vector<strata_corruption_kind> kinds;
  strata_set_corruption_callback([](const strata_corruption* report) { kinds.push_back(report->kind); });
  strata_pool_free(pool, block);
  int foreign = 0;
  strata_pool_free(pool, &foreign);
  EXPECT_EQ(kinds, (std::vector{STRATA_CORRUPTION_DOUBLE_FREE, STRATA_CORRUPTION_FOREIGN_FREE}));
}

TEST_F(Pools, WhatIsNoPoolIsRefused) {
  strata_pool* const pool = make_fixed("", 64);
  strata_pool_destroy(std::exchange(pools_.back(), nullptr));
  EXPECT_EQ(strata_pool_malloc(pool, 1), nullptr);
  expect_failure(STRATA_INVALID_POOL, "strata_pool_malloc", 0, pool);
  EXPECT_EQ(strata_pool_reset(pool), STRATA_INVALID_POOL);
  strata_pool_destroy(pool);
  expect_failure(STRATA_INVALID_POOL, "strata_pool_destroy", 0, pool);
  strata_pool_destroy(nullptr);
  expect_no_failure();
  EXPECT_EQ(strata_pool_malloc(nullptr, 1), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_pool_malloc");
  EXPECT_FALSE(strata_pool_owns(pool, pool));
  int other = 0;
  EXPECT_EQ(strata_pool_set_maximum(reinterpret_cast<strata_pool*>(&other), 1), STRATA_INVALID_POOL);
}

TEST_F(Pools, AreSelectedByEveryStrategy) {
  strata_pool* const large = make_fixed("large", 1000);
  strata_pool* const small = make_fixed("small", 128);
  EXPECT_EQ(strata_pool_select(120, 16, STRATA_POOL_BEST_FIT), small);
  EXPECT_EQ(strata_pool_select(128, 16, STRATA_POOL_FIRST_FIT), small);
  EXPECT_EQ(strata_pool_select(300, 16, STRATA_POOL_FIRST_FIT), large);
  ASSERT_NE(strata_pool_malloc(large, 1), nullptr);
  EXPECT_EQ(strata_pool_select(10, 16, STRATA_POOL_LEAST_USED), small);
  EXPECT_EQ(strata_pool_select(10, 16, STRATA_POOL_ROUND_ROBIN), large);
  EXPECT_EQ(strata_pool_select(10, 16, STRATA_POOL_ROUND_ROBIN), small);
  EXPECT_EQ(strata_pool_select(2000, 16, STRATA_POOL_BEST_FIT), nullptr);
  expect_failure(STRATA_NOT_FOUND, "strata_pool_select", 2000);
  EXPECT_EQ(strata_pool_select(1, 3, STRATA_POOL_BEST_FIT), nullptr);
  expect_failure(STRATA_INVALID_ALIGNMENT, "strata_pool_select", 3);
}

TEST_F(Pools, AreVisitedAndAddedUp) {
  make_fixed("a", 1000);
  make_fixed("b", 1000);
  for (strata_pool* pool : pools_) ASSERT_NE(strata_pool_malloc(pool, 1), nullptr);
  std::string names;
  const auto note = [](strata_pool* pool, void* context) {
    *static_cast<std::string*>(context) += info_of(pool).name;
    return true;
  };
  EXPECT_EQ(strata_visit_pools(note, &names), STRATA_OK);
  EXPECT_EQ(names, "ab");
  EXPECT_EQ(strata_visit_pools(nullptr, nullptr), STRATA_INVALID_ARGUMENT);
  strata_pool_totals totals{};
  totals.struct_bytes = sizeof totals;
  EXPECT_EQ(strata_pools_totals(&totals), STRATA_OK);
  EXPECT_EQ(totals.pools, 2U);
  EXPECT_EQ(totals.block_count, 2U);
  EXPECT_EQ(totals.total_size, info_of(pools_[0]).total_size + info_of(pools_[1]).total_size);
}

TEST_F(Pools, CleanupGivesMemoryBack) {
  strata_pool* const pool = make_fixed("", 1000);
  std::vector<void*> blocks;
  for (int count = 0; count < 5000; ++count) blocks.push_back(strata_pool_malloc(pool, 1));
  for (void* block : blocks) strata_pool_free(pool, block);
  const std::uint64_t total = info_of(pool).total_size;
  for (int round = 0; round < 3; ++round) EXPECT_EQ(strata_pools_cleanup(1000), 0U);
  EXPECT_EQ(strata_pools_cleanup(1000), total);
  EXPECT_EQ(info_of(pool).total_size, 0U);
}

TEST_F(Pools, RebalancingMovesMaxima) {
  strata_pool* const idle = make_fixed("idle", 1000, 4 * kMiB);
  strata_pool* const busy = make_fixed("busy", 1000, kMiB);
  std::uint64_t moved = 0;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(moved, 0U);
    while (strata_pool_malloc(busy, 1) != nullptr) {
    }
    moved = strata_pools_rebalance();
  }
  EXPECT_GT(moved, 0U);
  EXPECT_EQ(info_of(idle).max_size, 4 * kMiB - moved);
  EXPECT_EQ(info_of(busy).max_size, kMiB + moved);
  EXPECT_NE(strata_pool_malloc(busy, 1), nullptr);
}

TEST_F(Pools, ThreadsShareAPool) {
  strata_pool* const pool = make_fixed("", 64);
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([pool] {
      std::vector<void*> blocks;
      for (int count = 0; count < 5000; ++count) blocks.push_back(strata_pool_malloc(pool, 64));
      for (void* block : blocks) strata_pool_free(pool, block);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(info_of(pool).block_count, 0U);
  EXPECT_EQ(info_of(pool).blocks_taken, 20'000U);
}

}  // namespace
}  // namespace strata::test
