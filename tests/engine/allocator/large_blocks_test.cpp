// Blocks with slices of their own: what is resident of them.
#include "engine/allocator/large_blocks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "engine/allocator/allocate.h"
#include "tests/engine/allocator/resident_pages.h"

namespace strata::allocator {
namespace {

constexpr std::size_t kTwoSlices = 2 * kSliceBytes;
constexpr std::size_t kLittleMoreThanOne = kSliceBytes + 4096;

std::uint64_t resident_of_two_slices(void* block) {
  Span* const span = process.map.first_of(process.map.entry_of(block));
  EXPECT_EQ(span->slices, 2U);
  return test::resident_bytes(process.map.start_of(*span), kTwoSlices);
}

// With checks a block has neighbours of its own in its last page, and a block just freed is not handed out at once.
bool is_without_checks() { return kMemoryChecks == MemoryChecks::none; }

TEST(LargeBlocks, DoNotKeepThePagesOfAnEarlierBlockBehindTheirEnd) {
  if (!is_without_checks()) GTEST_SKIP() << "where the blocks lie is another matter with checks";
  void* const longer = allocate(kTwoSlices);
  std::memset(longer, 1, kTwoSlices);
  ASSERT_EQ(resident_of_two_slices(longer), kTwoSlices);
  deallocate(longer);
  void* const shorter = allocate(kLittleMoreThanOne);
  ASSERT_EQ(shorter, longer) << "the same slices, still dirty";
  std::memset(shorter, 2, kLittleMoreThanOne);
  EXPECT_EQ(resident_of_two_slices(shorter), kLittleMoreThanOne);
  deallocate(shorter);
}

TEST(LargeBlocks, GiveBackTheirLastPagesWhenTheyShrink) {
  if (!is_without_checks()) GTEST_SKIP() << "where the blocks lie is another matter with checks";
  auto* block = static_cast<unsigned char*>(allocate(kTwoSlices));
  std::memset(block, 3, kTwoSlices);
  block = static_cast<unsigned char*>(reallocate(block, kLittleMoreThanOne));
  EXPECT_EQ(resident_of_two_slices(block), kLittleMoreThanOne);
  for (std::size_t at = 0; at < kLittleMoreThanOne; ++at) ASSERT_EQ(block[at], 3) << at;
  block = static_cast<unsigned char*>(reallocate(block, kTwoSlices));
  for (std::size_t at = 0; at < kLittleMoreThanOne; ++at) ASSERT_EQ(block[at], 3) << at;
  deallocate(block);
}

TEST(LargeBlocks, AFewPagesAreNotWorthACall) {
  if (!is_without_checks()) GTEST_SKIP() << "where the blocks lie is another matter with checks";
  constexpr std::size_t kAllButTwoPages = kTwoSlices - 8192;
  void* block = allocate(kTwoSlices);
  std::memset(block, 1, kTwoSlices);
  block = reallocate(block, kAllButTwoPages);
  EXPECT_EQ(resident_of_two_slices(block), kTwoSlices);
  deallocate(block);
}

}  // namespace
}  // namespace strata::allocator
