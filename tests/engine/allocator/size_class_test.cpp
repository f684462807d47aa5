#include "engine/allocator/size_class.h"

#include <gtest/gtest.h>

#include "engine/allocator/span.h"

namespace strata::allocator {
namespace {

TEST(SizeClass, EachRequestGetsTheSmallestClassThatHoldsIt) {
  SizeClass expected = 0;
  for (std::size_t bytes = 1; bytes <= kLargestClassBytes; ++bytes) {
    while (class_bytes(expected) < bytes) ++expected;
    ASSERT_EQ(class_of(bytes), expected) << bytes << " bytes";
  }
  EXPECT_EQ(class_bytes(kSizeClasses - 1), kLargestClassBytes);
}

TEST(SizeClass, RoundingIsBounded) {
  for (std::size_t bytes = 256; bytes <= kLargestClassBytes; ++bytes) {
    const double most = bytes <= 1024 ? 0.0625 : 0.125;
    ASSERT_LT(static_cast<double>(class_bytes(class_of(bytes)) - bytes), most * static_cast<double>(bytes)) << bytes << " bytes";
  }
}

TEST(SizeClass, MallocIsAlignedForEveryType) {
  for (std::size_t bytes = 1; bytes <= kLargestClassBytes; ++bytes) {
    const std::size_t block = class_bytes(malloc_class_of(bytes));
    ASSERT_GE(block, bytes);
    ASSERT_EQ(block % (bytes <= 8 ? 8 : 16), 0U) << bytes << " bytes";
    if (bytes > kTableLimitBytes) continue;
    ASSERT_EQ(kMallocTable[(bytes + 7) / 8], malloc_class_of(bytes)) << bytes << " bytes";
  }
}

TEST(SizeClass, SpansWasteLittleBehindTheirLastBlock) {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const std::size_t span = slices_of_class(size_class) * kSliceBytes;
    ASSERT_GE(blocks_of_class(size_class), 8U);
    ASSERT_LT(span - blocks_of_class(size_class) * class_bytes(size_class), span / 8) << class_bytes(size_class);
  }
}

}  // namespace
}  // namespace strata::allocator
