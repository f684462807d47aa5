#include <gtest/gtest.h>

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
