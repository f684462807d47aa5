// Items that are released together, and the segments that this empties.
#include <algorithm>
#include <array>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

// To give one back takes time, so a release does not for all that it empties.
TEST_F(ItemMemoryTest, AReleaseGivesBackOneSegmentAndTheRestWhenAsked) {
  constexpr std::size_t kSegments = 10;
  constexpr std::uint64_t kQuarter = kSegmentBytes / 4;
  std::vector<std::uint64_t> offsets;
  for (std::size_t index = 0; index < 4 * kSegments; ++index) offsets.push_back(put(kQuarter));
  std::vector<std::uint64_t> last;  // of each segment
  for (const std::uint64_t offset : offsets) offset % kSegmentBytes == 0 ? last.push_back(offset) : drop(offset);
  ASSERT_EQ(last.size(), kSegments);
  EXPECT_FALSE(memory->has_spare());
  for (const std::uint64_t offset : last) items.erase(offset);
  memory->release(last);
  verify();
  EXPECT_EQ(memory->statistics().memory.segments, kSegments - 1);
  EXPECT_TRUE(memory->has_spare());
  std::size_t given_back = 0;
  while (memory->give_back_spare()) ++given_back;
  EXPECT_EQ(given_back, kSegments - 2) << "one is kept";
  EXPECT_FALSE(memory->has_spare());
  verify();
}

// What lies side by side in two segments is not one chunk.
TEST_F(ItemMemoryTest, NeighboursInTwoSegmentsAreReleasedApart) {
  constexpr std::uint64_t kQuarter = kSegmentBytes / 4;
  std::vector<std::uint64_t> offsets;
  for (std::size_t index = 0; index < 8; ++index) offsets.push_back(put(kQuarter));
  std::sort(offsets.begin(), offsets.end());
  ASSERT_EQ(offsets[4], offsets[3] + kQuarter);
  ASSERT_EQ(offsets[4] % kSegmentBytes, 0U);
  const std::array both{offsets[3], offsets[4]}, both_again{offsets[5], offsets[2]};
  for (const std::uint64_t offset : both) items.erase(offset);
  memory->release(both);
  verify();
  for (const std::uint64_t offset : both_again) items.erase(offset);
  memory->release(both_again);
  verify();
  drop_all();
  verify();
}

}  // namespace
}  // namespace strata::cache
