#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr const char* kFunction = "strata_memory_statistics";
constexpr std::size_t kLarge = std::size_t{16} << 20;

using HeldMemory = ApiTest;
using MemoryStatistics = ApiTest;
using SizeClasses = ApiTest;
using Heaps = ApiTest;

strata_statistics statistics_now() {
  strata_statistics statistics{};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(strata_memory_statistics(&statistics), STRATA_OK);
  return statistics;
}

strata_held_memory held_now() {
  strata_held_memory held{};
  held.struct_bytes = sizeof held;
  EXPECT_EQ(strata_memory_held(&held), STRATA_OK);
  return held;
}

TEST_F(MemoryStatistics, CanBeAskedForFirstOfAll) {
  const strata_statistics statistics = statistics_now();
  EXPECT_EQ(statistics.struct_bytes, sizeof statistics);
}

TEST_F(HeldMemory, CanBeAskedForFirstOfAll) {
  const strata_held_memory held = held_now();
  EXPECT_EQ(held.struct_bytes, sizeof held);
  EXPECT_GE(held.reserved_bytes, std::uint64_t{64} << 20);
  EXPECT_GE(held.reserved_bytes, held.committed_bytes);
}

TEST_F(HeldMemory, IsWhatTheStatisticsSay) {
  void* block = strata_malloc(kLarge);
  std::memset(block, 1, kLarge);
  const strata_held_memory held = held_now();
  EXPECT_EQ(held.in_use_bytes, statistics_now().in_use_bytes);
  EXPECT_EQ(held.resident_at_most_bytes, held.in_use_bytes + held.dirty_free_bytes - held.purged_in_use_bytes + held.map_bytes);
  EXPECT_GE(held.resident_at_most_bytes, kLarge);
  EXPECT_LE(held.map_bytes, statistics_now().metadata_bytes);
  strata_free(block);
}

TEST_F(HeldMemory, RefusesWhatItCannotFill) {
  EXPECT_EQ(strata_memory_held(nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_memory_held");
  strata_held_memory held{};
  held.struct_bytes = sizeof held - 1;
  EXPECT_EQ(strata_memory_held(&held), STRATA_STRUCT_SIZE);
  expect_failure(STRATA_STRUCT_SIZE, "strata_memory_held", sizeof held - 1);
}

TEST_F(MemoryStatistics, FollowALargeBlock) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  void* block = strata_malloc(kLarge);
  std::memset(block, 1, kLarge);
  const strata_statistics during = statistics_now();
  EXPECT_EQ(during.in_use_bytes, before.in_use_bytes + kLarge);
  EXPECT_GE(held_now().committed_bytes, during.in_use_bytes);
  EXPECT_GT(during.metadata_bytes, 0U);
  strata_free(block);
  EXPECT_EQ(statistics_now().in_use_bytes, before.in_use_bytes);
}

TEST_F(HeldMemory, TellsWhatAPurgeGivesBack) {
  void* block = strata_malloc(kLarge);
  std::memset(block, 1, kLarge);
  strata_free(block);
  const strata_held_memory before = held_now();
  EXPECT_GE(before.dirty_free_bytes + before.purged_bytes, kLarge);
  strata_purge();
  const strata_held_memory after = held_now();
  EXPECT_EQ(after.dirty_free_bytes, 0U);
  EXPECT_GE(after.purged_bytes, before.purged_bytes + before.dirty_free_bytes) << "and empty spans kept for later";
  EXPECT_EQ(after.purge_failures, 0U);
}

TEST_F(MemoryStatistics, CountBlocksLimitsAndHeaps) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  const strata_held_memory held_before = held_now();
  void* block = strata_malloc(kLarge - 1);
  strata_heap* heap = strata_heap_create(nullptr);
  strata_set_memory_limit(std::uint64_t{1} << 20);
  EXPECT_EQ(strata_memory_limit(), std::uint64_t{1} << 20);
  EXPECT_EQ(strata_malloc(kLarge), nullptr);
  const strata_statistics during = statistics_now();
  const strata_held_memory held = held_now();
  strata_set_memory_limit(0);
  EXPECT_EQ(strata_memory_limit(), 0U);
  EXPECT_EQ(during.large_blocks, before.large_blocks + 1);
  EXPECT_EQ(during.large_bytes, before.large_bytes + kLarge);
  EXPECT_EQ(during.large_requested_bytes, before.large_requested_bytes + kLarge - 1);
  EXPECT_EQ(during.used_bytes, before.used_bytes + kLarge);
  EXPECT_EQ(during.used_blocks, before.used_blocks + 1);
  EXPECT_EQ(during.shared_heaps, before.shared_heaps + 1);
  EXPECT_EQ(held.limit_bytes, std::uint64_t{1} << 20);
  EXPECT_GT(held.refused, held_before.refused);
  EXPECT_EQ(during.threads, 1U);
  EXPECT_GE(during.fragmentation, 0.0);
  EXPECT_LE(during.fragmentation, 1.0);
  strata_heap_destroy(heap);
  strata_free(block);
}

TEST_F(MemoryStatistics, CountWhatHeapsTakeAndGiveBack) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  for (const strata_heap_strategy strategy : {STRATA_HEAP_SIZE_CLASS, STRATA_HEAP_BEST_FIT, STRATA_HEAP_ARENA}) {
    strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
    options.strategy = strategy;
    strata_heap* heap = strata_heap_create(&options);
    const strata_statistics empty = statistics_now();
    for (int count = 0; count < 100; ++count) ASSERT_NE(strata_heap_malloc(heap, 1000), nullptr);
    const strata_statistics full = statistics_now();
    EXPECT_EQ(full.used_blocks, empty.used_blocks + 100);
    EXPECT_GE(full.used_bytes, empty.used_bytes + 100'000);
    EXPECT_GE(full.blocks_taken, empty.blocks_taken + 100);
    EXPECT_GE(full.bytes_taken, empty.bytes_taken + 100'000);
    EXPECT_GE(full.in_use_bytes, full.used_bytes);
    const bool has_granules = strategy != STRATA_HEAP_SIZE_CLASS;
    EXPECT_EQ(full.granule_spans, empty.granule_spans + (has_granules ? 2 : 0));
    EXPECT_EQ(full.granule_used_bytes - empty.granule_used_bytes, has_granules ? full.used_bytes - empty.used_bytes : 0U);
    EXPECT_EQ(full.refills > empty.refills, !has_granules) << "the others take block by block";
    strata_heap_destroy(heap);
    EXPECT_EQ(statistics_now().blocks_taken, full.blocks_taken) << "also of what is gone";
  }
  const strata_statistics after = statistics_now();
  EXPECT_EQ(after.used_blocks, before.used_blocks);
  EXPECT_EQ(after.used_bytes, before.used_bytes);
  EXPECT_EQ(after.shared_heaps, before.shared_heaps);
}

TEST_F(MemoryStatistics, CountThreadsWhileTheyRun) {
  strata_free(strata_malloc(1));
  const strata_statistics before = statistics_now();
  std::thread([&] {
    EXPECT_EQ(statistics_now().threads, before.threads) << "it has taken no memory yet";
    strata_free(strata_malloc(1));
    EXPECT_EQ(statistics_now().threads, before.threads + 1);
  }).join();
  EXPECT_EQ(statistics_now().threads, before.threads);
  EXPECT_GT(statistics_now().thread_heaps, before.threads) << "its heap waits for another thread";
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
    EXPECT_DOUBLE_EQ(size_class.fragmentation, 1 - 100.0 / static_cast<double>(size_class.capacity));
    std::uint64_t spans = 0;
    for (const std::uint32_t count : size_class.occupancy) spans += count;
    EXPECT_EQ(spans, size_class.spans);
  }
  EXPECT_EQ(found, 1U);
  for (void* block : blocks) strata_free(block);
}

// One block in use of every eight: the spans are nearly empty, and most of them could go.
TEST_F(SizeClasses, TellFragmentation) {
  constexpr std::size_t kBytes = 1024;
  std::vector<void*> blocks(std::size_t{8} * 64);
  for (void*& block : blocks) block = strata_malloc(kBytes);
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    if (index % 8 != 0) strata_free(blocks[index]);
  }
  strata_thread_idle();
  strata_class_statistics found{};
  const auto note = [](const strata_class_statistics* size_class, void* context) {
    if (size_class->block_bytes == kBytes) *static_cast<strata_class_statistics*>(context) = *size_class;
    return size_class->block_bytes != kBytes;
  };
  EXPECT_EQ(strata_visit_size_classes(note, &found), STRATA_OK);
  EXPECT_EQ(found.used, blocks.size() / 8);
  EXPECT_GE(found.spans, 8U);
  EXPECT_GE(found.fragmentation, 0.8);
  EXPECT_LE(found.fragmentation, 0.9);
  EXPECT_GE(found.occupancy[0] + found.occupancy[1], 7U);
  EXPECT_EQ(found.occupancy[STRATA_OCCUPANCY_BINS - 1], 0U);
  EXPECT_EQ(found.recoverable_spans, found.spans - 1);
  for (std::size_t index = 0; index < blocks.size(); index += 8) strata_free(blocks[index]);
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

TEST_F(Heaps, MayBeMadeAndDestroyedByTheVisitor) {
  strata_heap* heap = strata_heap_create(nullptr);
  strata_free(strata_malloc(1));
  const auto destroy = [](const strata_heap_statistics* each, void* context) {
    strata_heap_destroy(strata_heap_create(nullptr));
    if (each->is_of_thread) return true;
    strata_heap_destroy(static_cast<strata_heap*>(context));
    return false;
  };
  EXPECT_EQ(strata_visit_heaps(destroy, heap), STRATA_OK);
  expect_no_failure();
  EXPECT_FALSE(strata_heap_owns(heap, heap));
  EXPECT_EQ(strata_heap_malloc(heap, 1), nullptr);
  expect_failure(STRATA_INVALID_HEAP, "strata_heap_malloc", 0, heap);
}

// So many that the list of them needs slices of its own.
TEST_F(Heaps, AreNotVisitedWithoutMemoryForTheirList) {
  std::vector<strata_heap*> heaps(600);
  for (strata_heap*& heap : heaps) ASSERT_NE(heap = strata_heap_create(nullptr), nullptr);
  int visits = 0;
  const auto count = [](const strata_heap_statistics*, void* context) {
    ++*static_cast<int*>(context);
    return true;
  };
  strata_set_memory_limit(1);
  EXPECT_EQ(strata_visit_heaps(count, &visits), STRATA_OUT_OF_MEMORY);
  strata_set_memory_limit(0);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_visit_heaps");
  EXPECT_EQ(visits, 0);
  EXPECT_EQ(strata_visit_heaps(count, &visits), STRATA_OK);
  EXPECT_GE(visits, 600);
  for (strata_heap* heap : heaps) strata_heap_destroy(heap);
}

// Each with an identity and the usage that the heap itself tells.
TEST_F(Heaps, AreToldAsTheyTellThemselves) {
  strata_heap* heap = strata_heap_create(nullptr);
  for (const std::size_t bytes : {100U, 5000U, 100'000U}) ASSERT_NE(strata_heap_malloc(heap, bytes), nullptr);
  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  EXPECT_EQ(strata_heap_usage(heap, &usage), STRATA_OK);
  const auto compare = [](const strata_heap_statistics* each, void* context) {
    if (each->is_of_thread) return true;
    EXPECT_EQ(each->used_bytes, static_cast<strata_usage*>(context)->used_bytes);
    EXPECT_EQ(each->held_bytes, static_cast<strata_usage*>(context)->held_bytes);
    EXPECT_EQ(each->limit_bytes, 0U);
    EXPECT_EQ(each->spans, 3U);
    EXPECT_STREQ(each->name, "");
    return true;
  };
  EXPECT_EQ(strata_visit_heaps(compare, &usage), STRATA_OK);
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
    EXPECT_EQ(statistics.refills, 0U) << "it is as it was";
  }
}

TEST_F(MemoryStatistics, LeaveTheMembersOfLaterVersionsZero) {
  strata_free(strata_malloc(1));
  struct {
    strata_statistics known;
    std::uint64_t added;
  } later{.known = {}, .added = 77};
  later.known.struct_bytes = sizeof later;
  EXPECT_EQ(strata_memory_statistics(&later.known), STRATA_OK);
  EXPECT_EQ(later.known.struct_bytes, sizeof later);
  EXPECT_GT(later.known.metadata_bytes, 0U);
  EXPECT_EQ(later.added, 0U);
}

}  // namespace
}  // namespace strata::test
