#include "engine/allocator/slice_allocator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "tests/engine/allocator/fake_memory_calls.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::FakeMemoryCalls;

class SliceAllocatorTest : public testing::Test {
 protected:
  SliceAllocatorTest() {
    EXPECT_EQ(map.reserve(calls, std::size_t{256} << 20, kSliceBytes), std::errc{});
    slices.start(map);
  }
  ~SliceAllocatorTest() override { map.release(); }

  Span* take(std::uint32_t count, std::uint32_t alignment = 1) {
    return slices.allocate(count, alignment, SpanUse::large, false);
  }
  void fill(const Span& span) { std::memset(map.start_of(span), 0xAB, span.slices * kSliceBytes); }
  bool is_zero(const Span& span) {
    const auto* start = reinterpret_cast<const unsigned char*>(map.start_of(span));
    for (std::size_t at = 0; at < span.slices * kSliceBytes; at += 512) {
      if (start[at] != 0) return false;
    }
    return true;
  }
  void check() { ASSERT_TRUE(test::valid(map, slices)); }

  FakeMemoryCalls calls;
  SliceMap map;
  SliceAllocator slices;
};

TEST_F(SliceAllocatorTest, SpansDoNotOverlapAndFreeNeighboursJoin) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp)
  std::vector<Span*> live;
  for (int step = 0; step < 20'000; ++step) {
    if (live.size() < 40 || random() % 2 == 0) {
      const auto count = static_cast<std::uint32_t>(1 + random() % (random() % 8 == 0 ? 100 : 6));
      const std::uint32_t alignment = 1U << (random() % 4);
      if (Span* span = take(count, alignment)) {
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(map.start_of(*span)) % (alignment * kSliceBytes), 0U);
        ASSERT_EQ(span->slices, count);
        live.push_back(span);
      }
    } else {
      std::swap(live[random() % live.size()], live.back());
      slices.free(*live.back());
      live.pop_back();
    }
    if (step % 64 == 0) check();
    if (HasFatalFailure()) return;
  }
  for (Span* span : live) slices.free(*span);
  check();
  EXPECT_EQ(slices.statistics().in_use_bytes, 0U);
}

TEST_F(SliceAllocatorTest, GrowsAndShrinksInPlace) {
  Span* first = take(2);
  Span* second = take(2);
  Span* third = take(2);
  EXPECT_FALSE(slices.extend(*first, 3)) << "the neighbour is in use";
  slices.free(*second);
  EXPECT_FALSE(slices.extend(*first, 5)) << "the hole is too short";
  EXPECT_TRUE(slices.extend(*first, 3));
  check();
  EXPECT_TRUE(slices.extend(*first, 4));
  check();
  EXPECT_TRUE(slices.extend(*third, 64)) << "nothing behind it was ever used";
  check();
  slices.shorten(*third, 1);
  check();
  EXPECT_EQ(slices.statistics().in_use_bytes, 5 * kSliceBytes);
}

TEST_F(SliceAllocatorTest, WhatWasPurgedReadsAsZero) {
  Span* span = take(4);
  fill(*span);
  Span* guard = take(1);
  slices.free(*span);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 4 * kSliceBytes);
  slices.purge_all();
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 0U);
  EXPECT_EQ(slices.statistics().purged_bytes, 4 * kSliceBytes);
  span = take(4);
  EXPECT_TRUE(is_zero(*span));
  EXPECT_EQ(map.dirty().count(map.number_of(*span), map.number_of(*span) + 4), 0U);
  slices.free(*span);
  slices.free(*guard);
  check();
}

TEST_F(SliceAllocatorTest, UnneededMemoryGoesBackByHalves) {
  constexpr std::uint64_t kWindow = 1000;
  slices.set_window(kWindow);
  slices.tick(1);
  Span* span = take(512);
  slices.free(*span);
  std::uint64_t now = 1;
  slices.tick(now += kWindow);  // ends the window in which it was in use
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 512 * kSliceBytes);
  slices.tick(now + kWindow - 1);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 512 * kSliceBytes) << "the window is not over";
  slices.tick(now += kWindow);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 256 * kSliceBytes);
  slices.tick(now += kWindow);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 128 * kSliceBytes);
  for (int window = 0; window < 10; ++window) slices.tick(now += kWindow);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 0U);
}

TEST_F(SliceAllocatorTest, MemoryThatIsNeededAgainStays) {
  constexpr std::uint64_t kWindow = 1000;
  slices.set_window(kWindow);
  slices.tick(1);
  for (std::uint64_t window = 1; window < 50; ++window) {
    slices.free(*take(300));
    slices.tick(1 + window * kWindow);
  }
  EXPECT_EQ(slices.statistics().purge_calls, 0U);
}

TEST_F(SliceAllocatorTest, TheLimitHoldsAndPurgesFirst) {
  slices.set_limit(10 * kSliceBytes);
  Span* first = take(6);
  EXPECT_EQ(take(5), nullptr);
  slices.free(*first);
  Span* longer = take(10);
  ASSERT_NE(longer, nullptr);
  EXPECT_EQ(take(1), nullptr);
  EXPECT_FALSE(slices.extend(*longer, 11));
  slices.set_limit(0);
  EXPECT_NE(take(1), nullptr);
  check();
}

TEST_F(SliceAllocatorTest, FailedCallsChangeNothing) {
  Span* kept = take(1);
  fill(*kept);
  calls.fail_from(FakeMemoryCalls::commit_call, 1);
  EXPECT_EQ(take(500), nullptr);
  check();
  calls.let_all_succeed();
  Span* span = take(500);
  ASSERT_NE(span, nullptr);
  slices.free(*span);
  calls.fail_from(FakeMemoryCalls::discard_call, 1);
  slices.purge_all();
  EXPECT_GE(slices.statistics().purge_failures, 1U);
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 500 * kSliceBytes);
  check();
  calls.let_all_succeed();
  slices.purge_all();
  EXPECT_EQ(slices.statistics().dirty_free_bytes, 0U);
}

TEST_F(SliceAllocatorTest, AddressSpaceEnds) {
  EXPECT_EQ(take(map.slices() + 1), nullptr);
  Span* all = take(map.slices());
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(take(1), nullptr);
  EXPECT_FALSE(slices.extend(*all, map.slices() + 1));
  slices.free(*all);
  EXPECT_NE(take(1), nullptr);
}

TEST(SliceMap, TakesLessAddressSpaceWhereThereIsLess) {
  FakeMemoryCalls calls;
  calls.largest_reserve = std::size_t{65} << 20;
  SliceMap map;
  ASSERT_EQ(map.reserve(calls, std::size_t{1} << 30, std::size_t{1} << 20), std::errc{});
  EXPECT_EQ(map.slices(), (std::size_t{64} << 20) / kSliceBytes);
  map.release();
  calls.largest_reserve = 0;
  EXPECT_NE(map.reserve(calls, std::size_t{1} << 30, std::size_t{1} << 20), std::errc{});
}

TEST(SliceMap, ForeignAddressesAreToldApart) {
  SliceMap map;
  const int here = 0;
  EXPECT_FALSE(map.contains(&here)) << "before it has any address space";
  ASSERT_EQ(map.reserve(os::linux_memory_calls(), std::size_t{64} << 20, kSliceBytes), std::errc{});
  EXPECT_FALSE(map.contains(nullptr));
  EXPECT_FALSE(map.contains(&here));
  EXPECT_FALSE(map.contains(map.memory().base() - 1));
  EXPECT_TRUE(map.contains(map.memory().base()));
  EXPECT_FALSE(map.contains(map.memory().base() + map.memory().bytes()));
  map.release();
}

}  // namespace
}  // namespace strata::allocator
