#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr const char* kFunction = "strata_memory_statistics";
constexpr std::size_t kLarge = std::size_t{16} << 20;

using MemoryStatistics = ApiTest;

strata_statistics statistics_now() {
  strata_statistics statistics = STRATA_STATISTICS_INIT;
  EXPECT_EQ(strata_memory_statistics(&statistics), STRATA_OK);
  return statistics;
}

TEST_F(MemoryStatistics, CanBeAskedForFirstOfAll) {
  const strata_statistics statistics = statistics_now();
  EXPECT_EQ(statistics.struct_bytes, sizeof statistics);
  EXPECT_GE(statistics.reserved_bytes, std::uint64_t{64} << 20);
  EXPECT_GE(statistics.reserved_bytes, statistics.committed_bytes);
}

TEST_F(MemoryStatistics, FollowALargeBlock) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  void* block = strata_malloc(kLarge);
  std::memset(block, 1, kLarge);
  const strata_statistics during = statistics_now();
  EXPECT_EQ(during.in_use_bytes, before.in_use_bytes + kLarge);
  EXPECT_GE(during.committed_bytes, during.in_use_bytes);
  EXPECT_GT(during.metadata_bytes, 0U);
  strata_free(block);
  EXPECT_EQ(statistics_now().in_use_bytes, before.in_use_bytes);
}

TEST_F(MemoryStatistics, TellWhatAPurgeGivesBack) {
  void* block = strata_malloc(kLarge);
  std::memset(block, 1, kLarge);
  strata_free(block);
  const strata_statistics before = statistics_now();
  EXPECT_GE(before.dirty_free_bytes + before.purged_bytes, kLarge);
  strata_purge();
  const strata_statistics after = statistics_now();
  EXPECT_EQ(after.dirty_free_bytes, 0U);
  EXPECT_EQ(after.purged_bytes, before.purged_bytes + before.dirty_free_bytes);
  EXPECT_EQ(after.purge_failures, 0U);
}

TEST_F(MemoryStatistics, RefuseWhatTheyCannotFill) {
  EXPECT_EQ(strata_memory_statistics(nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, kFunction);
  strata_statistics statistics = STRATA_STATISTICS_INIT;
  for (const std::size_t bytes : {std::size_t{0}, sizeof statistics - 1}) {
    statistics.struct_bytes = bytes;
    EXPECT_EQ(strata_memory_statistics(&statistics), STRATA_STRUCT_SIZE);
    expect_failure(STRATA_STRUCT_SIZE, kFunction, bytes);
    EXPECT_EQ(statistics.reserved_bytes, 0U) << "it is as it was";
  }
}

TEST_F(MemoryStatistics, LeaveTheMembersOfLaterVersionsZero) {
  struct {
    strata_statistics known;
    std::uint64_t added;
  } later{STRATA_STATISTICS_INIT, 77};
  later.known.struct_bytes = sizeof later;
  EXPECT_EQ(strata_memory_statistics(&later.known), STRATA_OK);
  EXPECT_EQ(later.known.struct_bytes, sizeof later);
  EXPECT_GT(later.known.reserved_bytes, 0U);
  EXPECT_EQ(later.added, 0U);
}

}  // namespace
}  // namespace strata::test
