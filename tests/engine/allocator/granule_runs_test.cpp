// Holes found by combining maps of bits, against a walk over the granules.
#include "engine/allocator/granule_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace strata::allocator {
namespace {

class GranuleRunsTest : public testing::Test {
 protected:
  // Runs of used and of free granules by turns, up to `most` long.
  void fill(std::mt19937& random, std::uint32_t most) {
    *granules_ = Granules{};
    used_.assign(Granules::kCount, false);
    bool used = random() % 2 == 0;
    for (std::uint32_t at = 0; at < Granules::kCount; used = !used) {
      const std::uint32_t end = std::min(Granules::kCount, at + 1 + static_cast<std::uint32_t>(random() % most));
      granules_->set_used(at, end, used);
      std::fill(used_.begin() + at, used_.begin() + end, used);
      at = end;
    }
  }
  [[nodiscard]] std::uint32_t run_at(std::uint32_t at) const {
    std::uint32_t length = 0;
    while (at + length < Granules::kCount && !used_[at + length]) ++length;
    return length;
  }
  [[nodiscard]] std::uint32_t longest() const {
    std::uint32_t found = 0;
    for (std::uint32_t at = 0; at < Granules::kCount; at += std::max(1U, run_at(at))) found = std::max(found, run_at(at));
    return found;
  }

  std::unique_ptr<Granules> granules_ = std::make_unique<Granules>();
  std::vector<bool> used_;
};

constexpr std::uint32_t kLengths[] = {1, 2, 3, 5, 8, 13, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 192, 500, 4096};

TEST_F(GranuleRunsTest, EachPlaceIsFound) {
  std::mt19937 random(1);
  for (const std::uint32_t most : {3U, 20U, 150U, 700U, 5000U}) {
    fill(random, most);
    EXPECT_EQ(GranuleRuns::longest(*granules_), longest());
    for (const std::uint32_t length : kLengths) {
      const GranuleRuns runs(*granules_, length);
      for (std::uint32_t at = 0; at < Granules::kCount; ++at) {
        ASSERT_EQ(runs.next(at) == at, run_at(at) >= length) << at << ", " << length << " granules, runs to " << most;
      }
    }
  }
}

TEST_F(GranuleRunsTest, WhatIsUsedIsLeftOut) {
  std::mt19937 random(2);
  for (const std::uint32_t most : {3U, 20U, 150U, 700U}) {
    for (const std::uint32_t length : kLengths) {
      fill(random, most);
      GranuleRuns runs(*granules_, length);
      for (std::uint32_t first = runs.next(0); first < Granules::kCount; first = runs.next(first + length)) {
        runs.use(first);
        std::fill(used_.begin() + first, used_.begin() + first + length, true);
      }
      ASSERT_EQ(runs.longest_below(), longest()) << length << " granules, runs to " << most;
    }
  }
}

TEST_F(GranuleRunsTest, AllFreeAndNothingFree) {
  EXPECT_EQ(GranuleRuns::longest(*granules_), Granules::kCount);
  EXPECT_EQ(GranuleRuns(*granules_, Granules::kCount).next(0), 0U);
  granules_->set_used(0, Granules::kCount, true);
  EXPECT_EQ(GranuleRuns::longest(*granules_), 0U);
  EXPECT_EQ(GranuleRuns(*granules_, 1).next(0), Granules::kCount);
}

}  // namespace
}  // namespace strata::allocator
