// With system calls that fail: pools refuse, stay whole, and go on when there is memory again. The allocator's memory comes from these calls for
// the whole process, so every test is one of its own.
#include <gtest/gtest.h>

#include <vector>

#include "engine/allocator/process_allocator.h"
#include "engine/pools/pool.h"
#include "tests/engine/allocator/fake_memory_calls.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::pools {
namespace {

class PoolFailure : public testing::TestWithParam<PoolKind> {
 protected:
  void SetUp() override {
    allocator::process.calls = &calls_;
    allocator::process.reserve_bytes = std::size_t{1} << 30;
    ASSERT_TRUE(allocator::start_process_allocator());
  }
  // Never destroyed: the process' allocator goes on with them.
  test::FakeMemoryCalls& calls_ = *new test::FakeMemoryCalls;

  static PoolOptions options() { return {.kind = GetParam(), .block_bytes = GetParam() == PoolKind::fixed ? 1000U : 0U}; }
};
INSTANTIATE_TEST_SUITE_P(Kinds, PoolFailure, testing::Values(PoolKind::segment, PoolKind::fixed, PoolKind::arena));

TEST_P(PoolFailure, WithoutMemoryThereIsNoPoolAndNoBlock) {
  PoolRefusal why{};
  Pool* const pool = Pool::create(options(), why);
  ASSERT_NE(pool, nullptr);
  calls_.fail_from(test::FakeMemoryCalls::commit_call, 1);
  std::vector<void*> blocks;
  while (void* block = pool->allocate(1000)) blocks.push_back(block);
  EXPECT_GT(calls_.made(test::FakeMemoryCalls::commit_call), 0U);
  EXPECT_EQ(pool->allocate(1000, 1, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::no_memory);
  EXPECT_EQ(pool->info().refused, 2U);
  EXPECT_EQ(pool->info().refused_full, 0U);
  PoolOptions large = options();
  large.sizing.initial_bytes = std::uint64_t{100} << 20;
  const std::uint64_t in_use = allocator::process.slices.statistics().in_use_bytes;
  EXPECT_EQ(Pool::create(large, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::no_memory);
  EXPECT_EQ(allocator::process.slices.statistics().in_use_bytes, in_use) << "what was taken for it is given back";
  calls_.let_all_succeed();
  EXPECT_NE(pool->allocate(1000), nullptr);
  EXPECT_EQ(pool->info().block_count, blocks.size() + 1);
  Pool::destroy(pool);
  EXPECT_TRUE(test::process_is_valid());
}

TEST_P(PoolFailure, WithoutAddressSpaceThereIsNoPool) {
  PoolRefusal why{};
  PoolOptions too_large = options();
  too_large.sizing.initial_bytes = std::uint64_t{2} << 30;
  EXPECT_EQ(Pool::create(too_large, why), nullptr);
  EXPECT_EQ(why, PoolRefusal::no_memory);
  EXPECT_TRUE(test::process_is_valid());
}

}  // namespace
}  // namespace strata::pools
