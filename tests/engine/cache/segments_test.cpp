// How addresses are divided, and what the kernel holds of them.
#include "engine/cache/segments.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "engine/cache/index_layout.h"
#include "engine/os/system_memory.h"
#include "tests/engine/allocator/fake_memory_calls.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGiB = kMiB << 10U;

TEST(SegmentGeometry, FollowsTheTable) {
  const std::uint64_t machine = 24 * kGiB;
  EXPECT_EQ(SegmentGeometry::of(24'000'000, machine).segment_bytes, 256U << 10U);
  EXPECT_EQ(SegmentGeometry::of(256 * kMiB, machine).segment_bytes, 1U << 20U);
  EXPECT_EQ(SegmentGeometry::of(kGiB, machine).segment_bytes, 2U << 20U);
  EXPECT_EQ(SegmentGeometry::of(24'000'000, machine).domains, 1U);
  EXPECT_EQ(SegmentGeometry::of(10 * kGiB, machine).domains, 40U);
  EXPECT_EQ(SegmentGeometry::of(0, machine).domains, 96U);
}

TEST(SegmentGeometry, HoldsWhatTheMachineHas) {
  for (const std::uint64_t machine : {kGiB / 4, kGiB, 24 * kGiB, 400 * kGiB, 102'400 * kGiB}) {
    for (const std::uint64_t limit : {std::uint64_t{0}, kMiB, 100 * kMiB, 200 * kMiB, kGiB, 20 * kGiB, 3000 * kGiB}) {
      const SegmentGeometry geometry = SegmentGeometry::of(limit, machine);
      EXPECT_LE(geometry.bytes(), Slot::kRegionLimit);
      EXPECT_EQ(geometry.slice_segments % SegmentGeometry::kSliceMultiple, 0U);
      // A domain's granules have numbers of 32 bits; a large item of 1 GiB needs a block of two.
      const std::uint64_t slice = std::uint64_t{geometry.slice_segments} * geometry.segment_bytes;
      EXPECT_LT(slice / kGranuleBytes, std::uint64_t{1} << 32U);
      EXPECT_GE(std::uint64_t{geometry.large_segments} * geometry.segment_bytes, 2 * kGiB);
      const std::uint64_t asked = std::min({limit == 0 ? machine : limit, 15 * kGiB, 512 * kGiB});
      EXPECT_GE(slice * geometry.domains, asked) << limit << " on " << machine;
    }
  }
}

class SegmentsTest : public testing::Test {
 protected:
  static constexpr SegmentGeometry kGeometry{
      .segment_bytes = 256U << 10U, .domains = 2, .slice_segments = 64, .large_segments = 64};

  void SetUp() override { ASSERT_EQ(segments.start(calls, kGeometry), std::errc{}); }
  std::size_t pages_in_memory(std::uint32_t segment, std::uint32_t count = 1) {
    std::vector<unsigned char> pages(std::size_t{count} * kGeometry.segment_bytes / segments.page_bytes());
    EXPECT_EQ(
        ::mincore(segments.base() + segments.offset_of(segment), std::size_t{count} * kGeometry.segment_bytes, pages.data()), 0);
    std::size_t found = 0;
    for (const unsigned char page : pages) found += page & 1U;
    return found;
  }
  void touch(std::uint32_t segment, std::size_t bytes) { std::memset(segments.base() + segments.offset_of(segment), 1, bytes); }

  test::FakeMemoryCalls calls;
  Budget budget;
  Segments segments{budget};
};

TEST_F(SegmentsTest, EachDomainHasItsSlice) {
  EXPECT_EQ(segments.open(0), 1U);  // not the first
  EXPECT_EQ(segments.open(0), 2U);
  EXPECT_EQ(segments.open(1), 64U);
  EXPECT_EQ(segments.header(64).domain, 1U);
  EXPECT_EQ(segments.header(64).state, SegmentState::mixed);
  EXPECT_EQ(segments.open_large(1), 128U);
  for (int more = 0; more < 61; ++more) EXPECT_NE(segments.open(0), 0U);
  EXPECT_EQ(segments.open(0), 0U);  // no addresses
  EXPECT_EQ(segments.counters().failed, 1U);
  EXPECT_NE(segments.open(1), 0U);
}

TEST_F(SegmentsTest, TheOneGivenBackLastIsOpenedFirst) {
  const std::uint32_t a = segments.open(0), b = segments.open(0), c = segments.open(0);
  segments.give_back(a);
  segments.give_back(c);
  EXPECT_EQ(segments.open(0), c);
  EXPECT_EQ(segments.open(0), a);
  EXPECT_EQ(segments.open(0), c + 1);
  EXPECT_EQ(b, a + 1);
}

TEST_F(SegmentsTest, GivenBackMemoryIsGone) {
  const std::uint32_t segment = segments.open(0);
  touch(segment, kGeometry.segment_bytes);
  EXPECT_EQ(pages_in_memory(segment), 64U);
  const auto charged = budget.bytes(Purpose::items);
  segments.give_back(segment);
  EXPECT_EQ(pages_in_memory(segment), 0U);
  EXPECT_EQ(budget.bytes(Purpose::items), charged - kGeometry.segment_bytes);

  const std::uint32_t large = segments.open_large(600'000);
  touch(large, 600'000);
  EXPECT_EQ(pages_in_memory(large, 4), (600'000U + 4095) / 4096);
  EXPECT_EQ(segments.counters().large_bytes, (600'000U + 4095) / 4096 * 4096);
  segments.shrink_large(large, 300'000);
  EXPECT_EQ(pages_in_memory(large, 4), (300'000U + 4095) / 4096);
  EXPECT_EQ(segments.counters().large_bytes, (300'000U + 4095) / 4096 * 4096);
  segments.give_back_large(large);
  EXPECT_EQ(pages_in_memory(large, 4), 0U);
  EXPECT_EQ(segments.counters().large_bytes, 0U);
}

TEST_F(SegmentsTest, TheLimitCountsSegmentsPagesAndHeaders) {
  segments.set_limit(2 * std::uint64_t{kGeometry.segment_bytes} + segments.page_bytes());
  EXPECT_NE(segments.open(0), 0U);
  EXPECT_NE(segments.open(0), 0U);
  EXPECT_EQ(segments.open(0), 0U);
  EXPECT_EQ(segments.open_large(1), 0U);
  EXPECT_EQ(segments.counters().refused, 2U);
  segments.give_back(2);
  EXPECT_NE(segments.open_large(100'000), 0U);
  EXPECT_EQ(segments.open(0), 0U);
  EXPECT_EQ(budget.total_bytes(), segments.counters().resident_bytes);
}

TEST(SegmentsAlone, ChargesNothingWhenItEnds) {
  Budget budget;
  test::FakeMemoryCalls calls;
  {
    Segments segments(budget);
    ASSERT_EQ(segments.start(calls, SegmentGeometry::of(100 * kMiB, kGiB)), std::errc{});
    EXPECT_NE(segments.open(0), 0U);
    EXPECT_NE(segments.open_large(1'000'000), 0U);
    EXPECT_GT(budget.total_bytes(), kMiB);
  }
  EXPECT_EQ(budget.total_bytes(), 0U);
}

TEST(SegmentsAlone, HugeSegmentsAreAdvisedToBeHugePages) {
  Budget budget;
  test::FakeMemoryCalls calls;
  Segments segments(budget);
  SegmentGeometry geometry{.segment_bytes = 2U << 20U, .domains = 1, .slice_segments = 64, .large_segments = 64};
  ASSERT_EQ(segments.start(calls, geometry), std::errc{});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(segments.base()) % (2 * kMiB), 0U);
  const auto before = calls.made(test::FakeMemoryCalls::huge_call);
  EXPECT_NE(segments.open(0), 0U);
  EXPECT_EQ(calls.made(test::FakeMemoryCalls::huge_call), before + 1);
  EXPECT_NE(segments.open_large(5 * kMiB), 0U);
  EXPECT_EQ(calls.made(test::FakeMemoryCalls::huge_call), before + 1);
}

}  // namespace
}  // namespace strata::cache
