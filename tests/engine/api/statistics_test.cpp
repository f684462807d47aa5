#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr const char* kFunction = "strata_memory_statistics";
constexpr std::size_t kLarge = std::size_t{16} << 20;

using MemoryStatistics = ApiTest;
using SizeClasses = ApiTest;
using Heaps = ApiTest;

strata_statistics statistics_now() {
  strata_statistics statistics{};
  statistics.struct_bytes = sizeof statistics;
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

TEST_F(MemoryStatistics, CountBlocksLimitsAndHeaps) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  void* block = strata_malloc(kLarge - 1);
  strata_heap* heap = strata_heap_create(nullptr);
  strata_set_memory_limit(std::uint64_t{1} << 20);
  EXPECT_EQ(strata_memory_limit(), std::uint64_t{1} << 20);
  EXPECT_EQ(strata_malloc(kLarge), nullptr);
  const strata_statistics during = statistics_now();
  strata_set_memory_limit(0);
  EXPECT_EQ(strata_memory_limit(), 0U);
  EXPECT_EQ(during.large_blocks, before.large_blocks + 1);
  EXPECT_EQ(during.large_bytes, before.large_bytes + kLarge);
  EXPECT_EQ(during.large_requested_bytes, before.large_requested_bytes + kLarge - 1);
  EXPECT_EQ(during.used_bytes, before.used_bytes + kLarge);
  EXPECT_EQ(during.used_blocks, before.used_blocks + 1);
  EXPECT_EQ(during.shared_heaps, before.shared_heaps + 1);
  EXPECT_EQ(during.limit_bytes, std::uint64_t{1} << 20);
  EXPECT_GT(during.refused, before.refused);
  EXPECT_EQ(during.threads, 1U);
  EXPECT_GE(during.fragmentation, 0.0);
  EXPECT_LE(during.fragmentation, 1.0);
  strata_heap_destroy(heap);
  strata_free(block);
}

TEST_F(SizeClasses, CountTheBlocksOfEachSize) {
  constexpr std::size_t kBytes = 3072;
  std::vector<void*> blocks(100);
  for (void*& block : blocks) block = strata_malloc(kBytes);
  std::vector<strata_class_statistics> classes;
  const auto note = [](const strata_class_statistics* size_class, void* context) {
    static_cast<std::vector<strata_class_statistics>*>(context)->push_back(*size_class);
    return true;
  };
  EXPECT_EQ(strata_visit_size_classes(note, &classes), STRATA_OK);
  std::size_t found = 0;
  for (std::size_t index = 0; index < classes.size(); ++index) {
    const strata_class_statistics& size_class = classes[index];
    EXPECT_GT(size_class.spans, 0U);
    EXPECT_LE(size_class.used, size_class.carved);
    EXPECT_LE(size_class.carved, size_class.capacity);
    if (index > 0) {
      EXPECT_GT(size_class.block_bytes, classes[index - 1].block_bytes);
    }
    if (size_class.block_bytes != kBytes) continue;
    ++found;
    EXPECT_EQ(size_class.used, blocks.size());
    std::uint64_t spans = 0;
    for (const std::uint32_t count : size_class.occupancy) spans += count;
    EXPECT_EQ(spans, size_class.spans);
  }
  EXPECT_EQ(found, 1U);
  for (void* block : blocks) strata_free(block);
}

TEST_F(SizeClasses, NeedAVisitor) {
  EXPECT_EQ(strata_visit_size_classes(nullptr, nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_visit_size_classes");
}

TEST_F(Heaps, AreVisitedWithTheirNames) {
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.name = "visited";
  options.strategy = STRATA_HEAP_BEST_FIT;
  options.limit_bytes = std::uint64_t{1} << 20;
  strata_heap* heap = strata_heap_create(&options);
  strata_free(strata_malloc(1));
  ASSERT_NE(strata_heap_malloc(heap, 1000), nullptr);
  struct Seen {
    int threads = 0;
    int ours = 0;
  } seen;
  const auto note = [](const strata_heap_statistics* each, void* context) {
    auto& counts = *static_cast<Seen*>(context);
    if (each->is_of_thread) {
      ++counts.threads;
      return true;
    }
    ++counts.ours;
    EXPECT_STREQ(each->name, "visited");
    EXPECT_EQ(each->strategy, STRATA_HEAP_BEST_FIT);
    EXPECT_EQ(each->limit_bytes, std::uint64_t{1} << 20);
    EXPECT_GE(each->used_bytes, 1000U);
    EXPECT_GE(each->held_bytes, each->used_bytes);
    EXPECT_TRUE(each->is_in_use);
    return true;
  };
  EXPECT_EQ(strata_visit_heaps(note, &seen), STRATA_OK);
  EXPECT_GE(seen.threads, 1);
  EXPECT_EQ(seen.ours, 1);
  int visits = 0;
  const auto stop = [](const strata_heap_statistics*, void* context) {
    ++*static_cast<int*>(context);
    return false;
  };
  EXPECT_EQ(strata_visit_heaps(stop, &visits), STRATA_OK);
  EXPECT_EQ(visits, 1);
  strata_heap_destroy(heap);
}

TEST_F(Heaps, NeedAVisitor) {
  EXPECT_EQ(strata_visit_heaps(nullptr, nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_visit_heaps");
}

TEST_F(MemoryStatistics, RefuseWhatTheyCannotFill) {
  EXPECT_EQ(strata_memory_statistics(nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, kFunction);
  strata_statistics statistics{};
  statistics.struct_bytes = sizeof statistics;
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
  } later{.known = {}, .added = 77};
  later.known.struct_bytes = sizeof later;
  EXPECT_EQ(strata_memory_statistics(&later.known), STRATA_OK);
  EXPECT_EQ(later.known.struct_bytes, sizeof later);
  EXPECT_GT(later.known.reserved_bytes, 0U);
  EXPECT_EQ(later.added, 0U);
}

}  // namespace
}  // namespace strata::test
