#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr std::size_t kTooLarge = std::size_t{PTRDIFF_MAX} + 1;
constexpr std::uint64_t kLimit = std::uint64_t{4} << 20;

class HeapOf : public ApiTest, public testing::WithParamInterface<strata_heap_strategy> {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
    options.name = "of the test";
    options.strategy = GetParam();
    options.limit_bytes = kLimit;
    heap_ = strata_heap_create(&options);
    ASSERT_NE(heap_, nullptr);
  }
  void TearDown() override { strata_heap_destroy(heap_); }

  [[nodiscard]] strata_usage usage() const {
    strata_usage usage{};
    usage.struct_bytes = sizeof usage;
    EXPECT_EQ(strata_heap_usage(heap_, &usage), STRATA_OK);
    return usage;
  }

  strata_heap* heap_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Strategies, HeapOf, testing::Values(STRATA_HEAP_SIZE_CLASS, STRATA_HEAP_BEST_FIT, STRATA_HEAP_ARENA));

TEST_P(HeapOf, HasItsName) { EXPECT_STREQ(strata_heap_name(heap_), "of the test"); }

TEST_P(HeapOf, GivesBlocksOfEverySize) {
  for (const std::size_t bytes : {1U, 16U, 100U, 5000U, 70'000U, 1U << 20}) {
    auto* block = static_cast<unsigned char*>(strata_heap_malloc(heap_, bytes));
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U);
    EXPECT_TRUE(strata_heap_owns(heap_, block));
    EXPECT_TRUE(strata_owns(block));
    std::memset(block, 0xa5, bytes);
    strata_heap_free(heap_, block);
    block = static_cast<unsigned char*>(strata_heap_calloc(heap_, bytes, 1));
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_EQ(std::vector<unsigned char>(block, block + bytes), std::vector<unsigned char>(bytes, 0));
    strata_free(block);
    void* aligned = strata_heap_aligned_alloc(heap_, 4096, bytes);
    ASSERT_NE(aligned, nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0U);
  }
  expect_no_failure();
}

TEST_P(HeapOf, ResizesBlocks) {
  auto* block = static_cast<unsigned char*>(strata_heap_realloc(heap_, nullptr, 10));
  ASSERT_NE(block, nullptr);
  std::memset(block, 0x5a, 10);
  for (const std::size_t bytes : {500U, 100'000U, 10U}) {
    block = static_cast<unsigned char*>(strata_heap_realloc(heap_, block, bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(strata_heap_owns(heap_, block));
    EXPECT_EQ(std::vector<unsigned char>(block, block + 10), std::vector<unsigned char>(10, 0x5a));
  }
  expect_no_failure();
}

TEST_P(HeapOf, KeepsToItsLimit) {
  EXPECT_EQ(usage().limit_bytes, kLimit);
  EXPECT_EQ(strata_heap_malloc(heap_, kLimit + 1), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_heap_malloc", kLimit + 1);
  std::size_t blocks = 0;
  while (strata_heap_malloc(heap_, 1000) != nullptr) ASSERT_LE(++blocks, kLimit / 1000);
  EXPECT_GT(blocks, kLimit / 1000 / 2);
  EXPECT_LE(usage().held_bytes, kLimit);
  EXPECT_EQ(usage().used_blocks, blocks);
  EXPECT_EQ(usage().refused, 2U);
  EXPECT_GE(usage().used_bytes, blocks * 1000);
  EXPECT_EQ(strata_heap_reset(heap_), STRATA_OK);
  EXPECT_EQ(usage().used_bytes, 0U);
  EXPECT_NE(strata_heap_malloc(heap_, 1000), nullptr);
}

TEST_P(HeapOf, GivesEverythingBackAtItsEnd) {
  strata_statistics before{};
  before.struct_bytes = sizeof before;
  EXPECT_EQ(strata_memory_statistics(&before), STRATA_OK);
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.name = nullptr;
  options.strategy = GetParam();
  strata_heap* heap = strata_heap_create(&options);
  ASSERT_NE(heap, nullptr);
  EXPECT_STREQ(strata_heap_name(heap), "");
  for (int count = 0; count < 1000; ++count) ASSERT_NE(strata_heap_malloc(heap, 3000), nullptr);
  ASSERT_NE(strata_heap_malloc(heap, std::size_t{1} << 20), nullptr);
  strata_heap_destroy(heap);
  strata_statistics after{};
  after.struct_bytes = sizeof after;
  EXPECT_EQ(strata_memory_statistics(&after), STRATA_OK);
  EXPECT_EQ(after.in_use_bytes, before.in_use_bytes);
  EXPECT_EQ(after.shared_heaps, before.shared_heaps);
  EXPECT_GE(after.blocks_taken, before.blocks_taken + 1000) << "what it took is still counted";
}

TEST_P(HeapOf, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (unsigned char seed = 0; seed < 4; ++seed) {
    threads.emplace_back([this, seed] {
      for (int round = 0; round < 200; ++round) {
        auto* block = static_cast<unsigned char*>(strata_heap_malloc(heap_, 500));
        ASSERT_NE(block, nullptr);
        std::memset(block, seed, 500);
        EXPECT_EQ(block[499], seed);
        strata_heap_free(heap_, block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(HeapOf, TakesBackWhatOtherThreadsFree) {
  std::vector<void*> blocks(300);
  for (void*& block : blocks) ASSERT_NE(block = strata_heap_malloc(heap_, 1000), nullptr);
  void* large = strata_heap_malloc(heap_, 100'000);
  std::thread([&] {
    for (void* block : blocks) strata_free(block);
    strata_heap_free(heap_, large);
    expect_no_failure();
  }).join();
  // An arena keeps its blocks until it is reset.
  EXPECT_EQ(usage().used_blocks, GetParam() == STRATA_HEAP_ARENA ? blocks.size() : 0U);
}

TEST_P(HeapOf, CountsWhatIsUsedExactly) {
  strata_usage expected = usage();
  EXPECT_EQ(expected.used_bytes, 0U);
  std::vector<void*> blocks;
  for (const std::size_t bytes : {1U, 17U, 300U, 5000U, 65'536U, 65'537U, 300'000U}) {
    blocks.push_back(strata_heap_malloc(heap_, bytes));
    expected.used_bytes += strata_usable_size(blocks.back());
    EXPECT_GE(strata_usable_size(blocks.back()), bytes);
    EXPECT_EQ(usage().used_bytes, expected.used_bytes) << bytes;
    EXPECT_EQ(usage().used_blocks, blocks.size());
  }
  EXPECT_GT(usage().record_bytes, 0U);
  EXPECT_GE(usage().held_bytes, usage().used_bytes);
  EXPECT_EQ(usage().refused, 0U);
}

TEST_P(HeapOf, FailsWithNoLockHeld) {
  static strata_heap* heap;
  static int calls;
  heap = heap_;
  calls = 0;
  strata_set_error_callback([](const strata_error* error) {
    ++calls;
    EXPECT_EQ(error->status, STRATA_OUT_OF_MEMORY);
    strata_usage usage{};
    usage.struct_bytes = sizeof usage;
    EXPECT_EQ(strata_heap_usage(heap, &usage), STRATA_OK);
    EXPECT_NE(strata_heap_malloc(heap, 100), nullptr);
    EXPECT_EQ(strata_walk_blocks([](const strata_block*, void*) { return false; }, nullptr), STRATA_OK);
  });
  EXPECT_EQ(strata_heap_malloc(heap_, kLimit + 1), nullptr);
  EXPECT_EQ(calls, 1);
  strata_set_error_callback(nullptr);
}

TEST_P(HeapOf, TellsItsBlocksFromOthers) {
  void* of_process = strata_malloc(100);
  strata_heap* other = strata_heap_create(nullptr);
  void* of_other = strata_heap_malloc(other, 100);
  const auto foreign = std::make_unique<int>();
  for (void* block : {of_process, of_other}) {
    EXPECT_FALSE(strata_heap_owns(heap_, block));
    strata_heap_free(heap_, block);
    expect_failure(STRATA_WRONG_HEAP, "strata_heap_free", 0, block);
    EXPECT_EQ(strata_heap_realloc(heap_, block, 10), nullptr);
    expect_failure(STRATA_WRONG_HEAP, "strata_heap_realloc", 0, block);
  }
  EXPECT_FALSE(strata_heap_owns(heap_, foreign.get()));
  strata_heap_free(heap_, foreign.get());
  expect_failure(STRATA_INVALID_POINTER, "strata_heap_free", 0, foreign.get());
  EXPECT_EQ(strata_heap_realloc(heap_, foreign.get(), 10), nullptr);
  expect_failure(STRATA_INVALID_POINTER, "strata_heap_realloc", 0, foreign.get());
  strata_free(of_process);
  strata_heap_destroy(other);
}

TEST_P(HeapOf, RefusesSizesThatCannotBe) {
  EXPECT_EQ(strata_heap_malloc(heap_, kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_heap_malloc", kTooLarge);
  EXPECT_EQ(strata_heap_calloc(heap_, SIZE_MAX / 2, 3), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_heap_calloc", 3);
  EXPECT_EQ(strata_heap_aligned_alloc(heap_, 24, 8), nullptr);
  expect_failure(STRATA_INVALID_ALIGNMENT, "strata_heap_aligned_alloc", 24);
  EXPECT_EQ(strata_heap_aligned_alloc(heap_, 64, kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_heap_aligned_alloc", kTooLarge);
  void* block = strata_heap_malloc(heap_, 10);
  EXPECT_EQ(strata_heap_realloc(heap_, block, kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_heap_realloc", kTooLarge);
  EXPECT_EQ(strata_heap_realloc(heap_, block, kLimit + 1), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_heap_realloc", kLimit + 1);
  EXPECT_TRUE(strata_heap_owns(heap_, block));
}

using Heap = ApiTest;

TEST_F(Heap, NoneIsAnError) {
  strata_heap_destroy(nullptr);
  expect_no_failure();
  EXPECT_EQ(strata_heap_malloc(nullptr, 1), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_malloc");
  EXPECT_EQ(strata_heap_calloc(nullptr, 1, 1), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_calloc");
  EXPECT_EQ(strata_heap_aligned_alloc(nullptr, 8, 1), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_aligned_alloc");
  EXPECT_EQ(strata_heap_realloc(nullptr, nullptr, 1), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_realloc");
  strata_heap_free(nullptr, nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_free");
  EXPECT_EQ(strata_heap_reset(nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_reset");
  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  EXPECT_EQ(strata_heap_usage(nullptr, &usage), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_usage");
  EXPECT_FALSE(strata_heap_owns(nullptr, &usage));
  EXPECT_STREQ(strata_heap_name(nullptr), "");
}

TEST_F(Heap, RefusesOptionsThatItDoesNotUnderstand) {
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.strategy = static_cast<strata_heap_strategy>(3);
  EXPECT_EQ(strata_heap_create(&options), nullptr);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_create");
  options.strategy = STRATA_HEAP_SIZE_CLASS;
  options.struct_bytes = sizeof options - 1;
  EXPECT_EQ(strata_heap_create(&options), nullptr);
  expect_failure(STRATA_STRUCT_SIZE, "strata_heap_create", sizeof options - 1);

  struct {
    strata_heap_options known;
    std::uint64_t added;
  } later{STRATA_HEAP_OPTIONS_INIT, 1};
  later.known.struct_bytes = sizeof later;
  EXPECT_EQ(strata_heap_create(&later.known), nullptr) << "it asks for what this version does not know";
  expect_failure(STRATA_STRUCT_SIZE, "strata_heap_create", sizeof later);
  later.added = 0;
  strata_heap* heap = strata_heap_create(&later.known);
  EXPECT_NE(heap, nullptr);

  strata_usage usage{};
  usage.struct_bytes = sizeof usage;
  usage.struct_bytes = 0;
  EXPECT_EQ(strata_heap_usage(heap, &usage), STRATA_STRUCT_SIZE);
  expect_failure(STRATA_STRUCT_SIZE, "strata_heap_usage");
  EXPECT_EQ(strata_heap_usage(heap, nullptr), STRATA_INVALID_ARGUMENT);
  expect_failure(STRATA_INVALID_ARGUMENT, "strata_heap_usage");
  strata_heap_destroy(heap);
}

}  // namespace
}  // namespace strata::test
