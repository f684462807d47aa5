#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

// What programs do wrong with heaps, and how they hear of it.
namespace strata::test {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20;

strata_heap* create(strata_heap_strategy strategy) {
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.name = "misused";
  options.strategy = strategy;
  strata_heap* heap = strata_heap_create(&options);
  EXPECT_NE(heap, nullptr);
  return heap;
}

strata_usage usage_of(const strata_heap* heap) {
  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  EXPECT_EQ(strata_heap_usage(heap, &usage), STRATA_OK);
  return usage;
}

// Calls each function with what is no heap and expects it to fail with `status`.
void expect_refused_everywhere(strata_heap* heap, void* block, strata_status status) {
  const void* const told = status == STRATA_INVALID_HEAP ? heap : nullptr;
  EXPECT_EQ(strata_heap_malloc(heap, 1), nullptr);
  expect_failure(status, "strata_heap_malloc", 0, told);
  EXPECT_EQ(strata_heap_calloc(heap, 1, 1), nullptr);
  expect_failure(status, "strata_heap_calloc", 0, told);
  EXPECT_EQ(strata_heap_aligned_alloc(heap, 8, 1), nullptr);
  expect_failure(status, "strata_heap_aligned_alloc", 0, told);
  EXPECT_EQ(strata_heap_realloc(heap, nullptr, 1), nullptr);
  expect_failure(status, "strata_heap_realloc", 0, told);
  EXPECT_EQ(strata_heap_realloc(heap, block, 1), nullptr);
  expect_failure(status, "strata_heap_realloc", 0, told);
  strata_heap_free(heap, block);
  expect_failure(status, "strata_heap_free", 0, told);
  EXPECT_EQ(strata_heap_reset(heap), status);
  expect_failure(status, "strata_heap_reset", 0, told);
  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  EXPECT_EQ(strata_heap_usage(heap, &usage), status);
  expect_failure(status, "strata_heap_usage", 0, told);
  EXPECT_FALSE(strata_heap_owns(heap, block));
  EXPECT_STREQ(strata_heap_name(heap), "");
  expect_no_failure();
}

class MisusedHeapOf : public ApiTest, public testing::WithParamInterface<strata_heap_strategy> {};
INSTANTIATE_TEST_SUITE_P(Strategies, MisusedHeapOf,
                         testing::Values(STRATA_HEAP_SIZE_CLASS, STRATA_HEAP_BEST_FIT, STRATA_HEAP_ARENA));

TEST_P(MisusedHeapOf, IsRefusedWhenItWasDestroyed) {
  const CorruptionRecord record;
  strata_heap* heap = create(GetParam());
  void* block = strata_heap_malloc(heap, 100);
  strata_heap_destroy(heap);
  expect_no_failure();
  expect_refused_everywhere(heap, block, STRATA_INVALID_HEAP);
  strata_heap_destroy(heap);
  expect_failure(STRATA_INVALID_HEAP, "strata_heap_destroy", 0, heap);
  CorruptionRecord::expect_nothing("the blocks were not touched");
  // As it is when the memory behind it is the system's again.
  strata_purge();
  expect_refused_everywhere(heap, block, STRATA_INVALID_HEAP);
}

TEST_P(MisusedHeapOf, ReportsFreesOfItsBlocksAfterItsEnd) {
  strata_heap* heap = create(GetParam());
  strata_heap* other = create(GetParam());
  ASSERT_NE(strata_heap_malloc(other, 100), nullptr);
  const std::array<void*, 2> blocks = {strata_heap_malloc(heap, 100), strata_heap_malloc(heap, kLarge)};
  strata_heap_destroy(heap);
  const CorruptionRecord record;
  for (void* block : blocks) {
    strata_free(block);
    CorruptionRecord::expect_invalid_free(block, "strata_free");
    EXPECT_EQ(strata_realloc(block, 10), nullptr);
    CorruptionRecord::expect_invalid_free(block, "strata_realloc");
    expect_failure(STRATA_INVALID_POINTER, "strata_realloc", 10, block);
    strata_heap_free(other, block);
    expect_failure(STRATA_INVALID_POINTER, "strata_heap_free", 0, block);
    EXPECT_EQ(strata_heap_realloc(other, block, 10), nullptr);
    expect_failure(STRATA_INVALID_POINTER, "strata_heap_realloc", 0, block);
    EXPECT_EQ(strata_usable_size(block), 0U);
    EXPECT_FALSE(strata_owns(block));
  }
  std::thread([&] { strata_free(blocks[0]); }).join();
  CorruptionRecord::expect_invalid_free(blocks[0], "of another thread");
  EXPECT_EQ(usage_of(other).used_blocks, 1U);
  strata_heap_destroy(other);
}

TEST_P(MisusedHeapOf, ReportsFreesOfItsBlocksAfterAReset) {
  strata_heap* heap = create(GetParam());
  void* large = strata_heap_malloc(heap, kLarge);
  void* block = strata_heap_malloc(heap, 100);
  EXPECT_EQ(strata_heap_reset(heap), STRATA_OK);
  const CorruptionRecord record;
  strata_free(large);
  CorruptionRecord::expect_invalid_free(large, "large");
  strata_free(block);
  CorruptionRecord::expect_invalid_free(block, "small");
  EXPECT_EQ(usage_of(heap).used_blocks, 0U);
  strata_heap_destroy(heap);
}

TEST_P(MisusedHeapOf, ReportsAddressesInsideBlocks) {
  strata_heap* heap = create(GetParam());
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{5000}, kLarge}) {
    auto* block = static_cast<unsigned char*>(strata_heap_malloc(heap, bytes));
    std::memset(block, 0x5a, bytes);
    const strata_usage before = usage_of(heap);
    for (const std::size_t offset : {1U, 16U, 64U}) {
      const CorruptionRecord record;
      void* inside = block + offset;
      strata_heap_free(heap, inside);
      CorruptionRecord::expect_invalid_free(inside, "strata_heap_free");
      strata_free(inside);
      CorruptionRecord::expect_invalid_free(inside, "strata_free");
      EXPECT_EQ(strata_heap_realloc(heap, inside, 2 * bytes), nullptr);
      CorruptionRecord::expect_invalid_free(inside, "strata_heap_realloc");
      expect_failure(STRATA_INVALID_POINTER, "strata_heap_realloc", 2 * bytes, inside);
      EXPECT_EQ(strata_usable_size(inside), 0U);
    }
    EXPECT_EQ(usage_of(heap).used_bytes, before.used_bytes) << bytes;
    EXPECT_EQ(block[bytes - 1], 0x5a);
  }
  strata_heap_destroy(heap);
}

TEST_P(MisusedHeapOf, NoticesThatALargeBlockIsFreedTwice) {
  strata_heap* heap = create(GetParam());
  void* block = strata_heap_malloc(heap, kLarge);
  strata_heap_free(heap, block);
  expect_no_failure();
  strata_heap_free(heap, block);
  expect_failure(STRATA_INVALID_POINTER, "strata_heap_free", 0, block);
  const CorruptionRecord record;
  strata_free(block);
  CorruptionRecord::expect_invalid_free(block, "strata_free");
  EXPECT_EQ(usage_of(heap).used_blocks, 0U);
  strata_heap_destroy(heap);
}

using MisusedHeap = ApiTest;

TEST_F(MisusedHeap, OfBestFitReportsEveryBlockFreedTwice) {
  strata_heap* heap = create(STRATA_HEAP_BEST_FIT);
  void* kept = strata_heap_malloc(heap, 100);
  void* block = strata_heap_malloc(heap, 100);
  strata_heap_free(heap, block);
  const CorruptionRecord record;
  strata_heap_free(heap, block);
  CorruptionRecord::expect_invalid_free(block, "strata_heap_free");
  EXPECT_EQ(usage_of(heap).used_blocks, 1U);
  EXPECT_NE(strata_usable_size(kept), 0U);
  strata_heap_destroy(heap);
}

TEST_F(MisusedHeap, IsNoneAtAll) { expect_refused_everywhere(nullptr, nullptr, STRATA_INVALID_ARGUMENT); }

TEST_F(MisusedHeap, IsSomethingElse) {
  // Before the library has any memory, memory of others, blocks, and addresses in a heap.
  alignas(64) std::array<std::byte, 64> foreign{};
  expect_refused_everywhere(reinterpret_cast<strata_heap*>(foreign.data()), nullptr, STRATA_INVALID_HEAP);
  void* block = strata_malloc(kLarge);
  std::memset(block, 0, kLarge);
  expect_refused_everywhere(static_cast<strata_heap*>(block), block, STRATA_INVALID_HEAP);
  strata_heap* heap = create(STRATA_HEAP_SIZE_CLASS);
  auto* inside =
      reinterpret_cast<strata_heap*>(reinterpret_cast<std::uintptr_t>(heap) + 64);  // NOLINT(performance-no-int-to-ptr)
  expect_refused_everywhere(inside, block, STRATA_INVALID_HEAP);
  void* of_heap = strata_heap_malloc(heap, 100);
  expect_refused_everywhere(static_cast<strata_heap*>(of_heap), of_heap, STRATA_INVALID_HEAP);
  strata_heap_destroy(inside);
  expect_failure(STRATA_INVALID_HEAP, "strata_heap_destroy", 0, inside);
  EXPECT_TRUE(strata_heap_owns(heap, of_heap));
  strata_heap_destroy(heap);
  strata_free(block);
}

}  // namespace
}  // namespace strata::test
