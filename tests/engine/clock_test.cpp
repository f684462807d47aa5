#include "engine/os/clock.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/os/entropy.h"

namespace strata::os {
namespace {

TEST(Clock, MonotonicNeverGoesBack) {
  std::uint64_t last = monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t now = monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, WallClockIsInThisCentury) {
  EXPECT_GT(wall_clock_ms(), 1'600'000'000'000);
  EXPECT_LT(wall_clock_ms(), 4'102'444'800'000);
}

TEST(CycleClock, MeasuresWithinWhatTheSteadyClockSaw) {
  const std::uint64_t outer_start = monotonic_ns();
  const std::uint64_t start = CycleClock::ticks();
  const std::uint64_t inner_start = monotonic_ns();
  while (monotonic_ns() - inner_start < 1'000'000) {
  }
  const std::uint64_t inner = monotonic_ns() - inner_start;
  const std::uint64_t measured = CycleClock::ticks_to_ns(CycleClock::ticks() - start);
  const std::uint64_t outer = monotonic_ns() - outer_start;
  // The rate may be off by a little, the order of the readings may not.
  EXPECT_GE(measured, inner - inner / 50);
  EXPECT_LE(measured, outer + outer / 50);
}

TEST(Entropy, FillsAllOfItDifferently) {
  std::array<std::byte, 64> first{};
  std::array<std::byte, 64> second{};
  ASSERT_TRUE(fill_random(first));
  ASSERT_TRUE(fill_random(second));
  EXPECT_NE(first, second);
  EXPECT_NE(random_u64(), random_u64());
  EXPECT_TRUE(fill_random({}));
}

}  // namespace
}  // namespace strata::os
