// Whole pages in the holes of recycled spans go back to the system, and nothing is lost by that.
#include <gtest/gtest.h>

#include <cstdint>

#include "engine/allocator/limits.h"
#include "engine/allocator/process_allocator.h"
#include "engine/allocator/walk.h"
#include "tests/engine/allocator/drift.h"
#include "tests/engine/allocator/fake_memory_calls.h"
#include "tests/engine/allocator/resident_pages.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

constexpr std::size_t kLiveBytes = std::size_t{16} << 20;

// Bytes of the whole pages that are free in recycled spans, told by the walk.
struct FreePages {
  std::uintptr_t begin = 0;  // of the stretch of free neighbours
  std::uintptr_t end = 0;
  std::uint64_t bytes = 0;

  void close() {
    const std::uintptr_t page = process.map.page_bytes();
    const std::uintptr_t first = (begin + page - 1) / page;
    if (end / page > first) bytes += (end / page - first) * page;
    begin = end = 0;
  }
  static bool visit(const BlockDescription& block, void* argument) {
    auto& pages = *static_cast<FreePages*>(argument);
    const auto start = reinterpret_cast<std::uintptr_t>(block.start_address);
    const bool counts = block.is_free && (block.flags & kBlockRecycled) != 0;
    if (!counts || start != pages.end || start % kSliceBytes == 0) pages.close();
    if (!counts) return true;
    if (pages.begin == 0) pages.begin = start;
    pages.end = start + block.size;
    return true;
  }
};

// REQUIRES: nothing at hand, which the walk tells as free.
std::uint64_t free_page_bytes() {
  FreePages pages;
  walk_blocks(FreePages::visit, &pages);
  pages.close();
  return pages.bytes;
}

class RecycledPages : public testing::Test {
 protected:
  void SetUp() override {
    test::skip_where_nothing_is_recycled();
    if (IsSkipped()) return;
    // Larger blocks first: what smaller ones leave of them has whole pages.
    drift_.turn_over(528, 1584);
    drift_.turn_over(208, 624);
    drift_.turn_over(64, 192);
  }

  test::Drift drift_{kLiveBytes, 3};
};

TEST_F(RecycledPages, GoBackWhereTheyAreMany) {
  const RecycledStatistics now = process.recycled.statistics();
  EXPECT_GT(now.purged_bytes, std::uint64_t{512} << 10);
  EXPECT_GT(now.purge_calls, 0U);
  EXPECT_EQ(now.purge_failures, 0U);
  EXPECT_GT(now.purged_page_bytes, 0U);
  // One part in 64, and a span's worth that may be about to follow.
  EXPECT_LE(now.free_page_bytes, std::max<std::uint64_t>(now.used_bytes / 64, 256 << 10) + kSliceBytes);
  const SliceStatistics slices = process.slices.statistics();
  EXPECT_LE(test::resident_bytes(process.map.memory().base(), process.slices.frontier() * kSliceBytes),
            slices.in_use_bytes + slices.dirty_free_bytes - now.purged_page_bytes);
  EXPECT_TRUE(drift_.sound());
}

void return_what_is_at_hand() {
  current_heap->release_empty();
  current_heap->flush();
}

TEST_F(RecycledPages, AreCountedAsTheWalkFindsThem) {
  return_what_is_at_hand();
  const RecycledStatistics now = process.recycled.statistics();
  EXPECT_EQ(now.free_page_bytes + now.purged_page_bytes, free_page_bytes());
  drift_.turn_over(100, 300);
  return_what_is_at_hand();
  const RecycledStatistics later = process.recycled.statistics();
  EXPECT_EQ(later.free_page_bytes + later.purged_page_bytes, free_page_bytes());
  drift_.clear();
  EXPECT_TRUE(drift_.sound());
}

TEST_F(RecycledPages, AllGoBackWhenAsked) {
  drift_.turn_over(100, 300);
  purge_all();
  const RecycledStatistics now = process.recycled.statistics();
  EXPECT_EQ(now.free_page_bytes, 0U);
  EXPECT_EQ(now.purged_page_bytes, free_page_bytes());
  EXPECT_EQ(process.slices.statistics().dirty_free_bytes, 0U);
  drift_.turn_over(208, 624);
  EXPECT_TRUE(drift_.sound()) << "pages that come back hold what is written to them";
  ASSERT_TRUE(test::process_is_valid());
}

TEST_F(RecycledPages, ServeBlocksAgain) {
  const std::uint64_t purged_before = process.recycled.statistics().purged_page_bytes;
  ASSERT_GT(purged_before, 0U);
  drift_.turn_over(528, 1584);
  EXPECT_LT(process.recycled.statistics().purged_page_bytes, purged_before);
  EXPECT_TRUE(drift_.sound());
}

TEST(RecycledPagesFailure, KeepsThePagesThatTheSystemDoesNotTake) {
  test::skip_where_nothing_is_recycled();
  if (testing::Test::IsSkipped()) return;
  static test::FakeMemoryCalls calls;
  process.calls = &calls;
  test::Drift drift(kLiveBytes, 4);
  calls.fail_from(test::FakeMemoryCalls::discard_call, 1);
  for (const std::size_t smallest : {528UL, 208UL, 64UL}) drift.turn_over(smallest, smallest * 3);
  return_what_is_at_hand();
  const RecycledStatistics failed = process.recycled.statistics();
  EXPECT_GT(failed.purge_failures, 0U);
  EXPECT_EQ(failed.purged_bytes, 0U);
  EXPECT_EQ(failed.free_page_bytes, free_page_bytes());
  calls.let_all_succeed();
  purge_all();
  EXPECT_EQ(process.recycled.statistics().free_page_bytes, 0U);
  EXPECT_TRUE(drift.sound());
}

}  // namespace
}  // namespace strata::allocator
