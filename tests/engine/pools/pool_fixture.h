#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "engine/allocator/process_allocator.h"
#include "engine/pools/pool.h"
#include "tests/engine/allocator/report_log.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::test {

// A pool for each test, with everything that it took given back at the end.
class PoolTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(allocator::start_process_allocator());
    in_use_before_ = in_use_bytes();
  }
  void TearDown() override {
    pools::Pool::destroy(pool_);
    EXPECT_EQ(in_use_bytes(), in_use_before_) << "bytes of slices that a pool did not give back";
    EXPECT_TRUE(process_is_valid());
  }

  pools::Pool& make(const pools::PoolOptions& options) {
    pools::PoolRefusal why{};
    pool_ = pools::Pool::create(options, why);
    EXPECT_NE(pool_, nullptr) << static_cast<int>(why);
    return *pool_;
  }
  [[nodiscard]] static std::uint64_t in_use_bytes() { return allocator::process.slices.statistics().in_use_bytes; }
  [[nodiscard]] static bool is_aligned(const void* block, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
  }
  // Why a request is refused. A failed expectation if it is not.
  [[nodiscard]] static pools::PoolRefusal refusal(pools::Pool& pool, std::size_t bytes, std::size_t alignment = 1) {
    pools::PoolRefusal why{};
    EXPECT_EQ(pool.allocate(bytes, alignment, why), nullptr);
    return why;
  }

  pools::Pool* pool_ = nullptr;
  std::uint64_t in_use_before_ = 0;
};

}  // namespace strata::test
