#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

using Walk = ApiTest;

TEST_F(Walk, FindsEachBlockOnceInOrder) {
  strata_heap* heap = strata_heap_create(nullptr);
  std::vector<void*> taken;
  for (const std::size_t bytes : {10U, 100U, 5000U, 100'000U}) {
    taken.push_back(strata_malloc(bytes));
    taken.push_back(strata_heap_malloc(heap, bytes));
  }
  std::vector<strata_block> seen;
  seen.reserve(100'000);
  const auto note = [](const strata_block* block, void* context) {
    static_cast<std::vector<strata_block>*>(context)->push_back(*block);
    return true;
  };
  EXPECT_EQ(strata_walk_blocks(note, &seen), STRATA_OK);
  for (const void* block : taken) {
    std::size_t times = 0;
    for (const strata_block& each : seen) {
      if (each.is_free || each.user_ptr != block) continue;
      ++times;
      EXPECT_EQ(each.size, strata_usable_size(block));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(each.start_address) % each.alignment, 0U);
    }
    EXPECT_EQ(times, 1U);
  }
  for (std::size_t index = 1; index < seen.size(); ++index) {
    EXPECT_LT(seen[index - 1].start_address, seen[index].start_address);
    EXPECT_EQ(seen[index - 1].next, seen[index].start_address);
    EXPECT_EQ(seen[index].prev, seen[index - 1].start_address);
  }
  for (std::size_t index = 0; index < taken.size(); index += 2) strata_free(taken[index]);
  strata_heap_destroy(heap);
}

struct OfHeap {
  const strata_heap* heap;
  std::vector<void*> used;
  std::uint64_t used_bytes;
};

// The blocks in use of one heap: the visitor may ask whose a block is.
OfHeap walk_heap(const strata_heap* heap) {
  OfHeap found{.heap = heap, .used = {}, .used_bytes = 0};
  found.used.reserve(1000);
  const auto note = [](const strata_block* block, void* context) {
    auto& of_heap = *static_cast<OfHeap*>(context);
    if (!strata_heap_owns(of_heap.heap, block->start_address)) return true;
    EXPECT_NE(block->flags & STRATA_BLOCK_HEAP, 0U);
    EXPECT_TRUE(strata_owns(block->start_address));
    if (block->user_ptr == nullptr) return true;
    EXPECT_EQ(block->user_ptr, block->start_address);
    of_heap.used.push_back(block->user_ptr);
    of_heap.used_bytes += block->size;
    return true;
  };
  EXPECT_EQ(strata_walk_blocks(note, &found), STRATA_OK);
  return found;
}

class WalkOfHeap : public ApiTest, public testing::WithParamInterface<strata_heap_strategy> {};
INSTANTIATE_TEST_SUITE_P(Strategies, WalkOfHeap,
                         testing::Values(STRATA_HEAP_SIZE_CLASS, STRATA_HEAP_BEST_FIT, STRATA_HEAP_ARENA));

TEST_P(WalkOfHeap, FindsItsBlocksAndNoOthers) {
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.strategy = GetParam();
  strata_heap* heap = strata_heap_create(&options);
  strata_heap* other = strata_heap_create(&options);
  std::vector<void*> blocks;
  for (const std::size_t bytes : {1U, 40U, 40U, 100U, 3000U, 60'000U, 70'000U, 1'000'000U}) {
    blocks.push_back(strata_heap_malloc(heap, bytes));
    ASSERT_NE(strata_heap_malloc(other, bytes), nullptr);
  }
  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  EXPECT_EQ(strata_heap_usage(heap, &usage), STRATA_OK);
  OfHeap found = walk_heap(heap);
  EXPECT_TRUE(std::is_permutation(found.used.begin(), found.used.end(), blocks.begin(), blocks.end()));
  EXPECT_EQ(found.used_bytes, usage.used_bytes);

  const std::size_t kept = GetParam() == STRATA_HEAP_ARENA ? 6 : 0;  // but for the large ones
  for (void* block : blocks) strata_heap_free(heap, block);
  found = walk_heap(heap);
  EXPECT_EQ(found.used.size(), kept);
  EXPECT_EQ(strata_heap_reset(heap), STRATA_OK);
  EXPECT_TRUE(walk_heap(heap).used.empty());
  EXPECT_EQ(walk_heap(other).used.size(), blocks.size());
  strata_heap_destroy(other);
  strata_heap_destroy(heap);
  EXPECT_TRUE(walk_heap(heap).used.empty());
}

// The same memory told by the walk and by the statistics.
TEST_F(Walk, AddsUpToTheStatistics) {
  strata_heap* heap = strata_heap_create(nullptr);
  std::vector<void*> blocks;
  for (std::size_t bytes = 1; bytes < 200'000; bytes = bytes * 3 / 2 + 1) {
    blocks.push_back(strata_malloc(bytes));
    ASSERT_NE(strata_heap_malloc(heap, bytes), nullptr);
  }
  for (std::size_t index = 0; index < blocks.size(); index += 3) strata_free(blocks[index]);
  struct Sum {
    std::uint64_t used_blocks = 0;
    std::uint64_t used_bytes = 0;
    std::uint64_t bytes_not_free = 0;
    std::uint64_t record_bytes = 0;
  } sum;
  const auto add = [](const strata_block* block, void* context) {
    auto& total = *static_cast<Sum*>(context);
    if ((block->flags & STRATA_BLOCK_FREE_RANGE) == 0) total.bytes_not_free += block->size;
    if ((block->flags & STRATA_BLOCK_RECORDS) != 0) total.record_bytes += block->size;
    if (block->user_ptr == nullptr) return true;
    EXPECT_FALSE(block->is_free);
    ++total.used_blocks;
    total.used_bytes += block->size;
    return true;
  };
  strata_statistics statistics{};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(strata_memory_statistics(&statistics), STRATA_OK);
  EXPECT_EQ(strata_walk_blocks(add, &sum), STRATA_OK);
  EXPECT_EQ(sum.used_blocks, statistics.used_blocks);
  EXPECT_EQ(sum.used_bytes, statistics.used_bytes);
  EXPECT_EQ(sum.bytes_not_free, statistics.in_use_bytes);
  EXPECT_GE(statistics.metadata_bytes, sum.record_bytes);
  EXPECT_DOUBLE_EQ(statistics.fragmentation,
                   1 - static_cast<double>(sum.used_bytes) / static_cast<double>(statistics.in_use_bytes - sum.record_bytes));
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    if (index % 3 != 0) strata_free(blocks[index]);
  }
  strata_heap_destroy(heap);
}

TEST_F(Walk, EndsWhenTheVisitorSaysSo) {
  void* block = strata_malloc(100);
  int visits = 0;
  const auto stop = [](const strata_block*, void* context) {
    ++*static_cast<int*>(context);
    return false;
  };
  EXPECT_EQ(strata_walk_blocks(stop, &visits), STRATA_OK);
  EXPECT_EQ(visits, 1);
  strata_free(block);
}

TEST_F(Walk, NeedsAVisitor) {
  EXPECT_EQ(strata_walk_blocks(nullptr, nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_walk_blocks");
}

}  // namespace
}  // namespace strata::test
