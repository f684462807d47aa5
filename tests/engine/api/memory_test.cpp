#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

constexpr std::size_t kTooLarge = std::size_t{PTRDIFF_MAX} + 1;
constexpr std::size_t kMoreThanThereIs = std::size_t{1} << 60;
// Sizes on the short way, by classes, and with slices of their own.
constexpr std::size_t kSizes[] = {0, 1, 8, 9, 100, 4096, 4097, 65536, 65537, 3U << 20};

unsigned char* bytes_of(void* block) { return static_cast<unsigned char*>(block); }

using Malloc = ApiTest;
using Calloc = ApiTest;
using AlignedAlloc = ApiTest;
using Realloc = ApiTest;
using Free = ApiTest;
using FreeSized = ApiTest;
using ThreadIdle = ApiTest;
using Owns = ApiTest;
using MemoryLimit = ApiTest;

TEST_F(Malloc, GivesAlignedBlocksOfEverySize) {
  for (const std::size_t bytes : kSizes) {
    void* block = strata_malloc(bytes);
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (bytes > 8 ? 16 : 8), 0U);
    EXPECT_GE(strata_usable_size(block), bytes);
    EXPECT_TRUE(strata_owns(block));
    std::memset(block, 0xa5, bytes);
    strata_free(block);
  }
  expect_no_failure();
}

TEST_F(Malloc, FailsWithAStatus) {
  EXPECT_EQ(strata_malloc(kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_malloc", kTooLarge);
  EXPECT_EQ(strata_malloc(kMoreThanThereIs), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_malloc", kMoreThanThereIs);
}

TEST_F(Calloc, Zeroes) {
  for (const std::size_t bytes : kSizes) {
    // Blocks with old contents, so that zeroes come from calloc.
    void* before = strata_malloc(bytes);
    std::memset(before, 0xa5, bytes);
    strata_free(before);
    unsigned char* block = bytes_of(strata_calloc(bytes, 1));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::vector<unsigned char>(block, block + bytes), std::vector<unsigned char>(bytes, 0));
    strata_free(block);
  }
}

TEST_F(Calloc, FailsWithAStatus) {
  EXPECT_EQ(strata_calloc(SIZE_MAX / 2, 3), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_calloc", 3);
  EXPECT_EQ(strata_calloc(2, kTooLarge / 2), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_calloc", kTooLarge);
  EXPECT_EQ(strata_calloc(2, kMoreThanThereIs / 2), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_calloc", kMoreThanThereIs);
}

TEST_F(AlignedAlloc, KeepsTheAlignment) {
  for (std::size_t alignment = 1; alignment <= (std::size_t{1} << 21); alignment *= 2) {
    for (const std::size_t bytes : kSizes) {
      void* block = strata_aligned_alloc(alignment, bytes);
      ASSERT_NE(block, nullptr) << alignment << ", " << bytes;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
      EXPECT_GE(strata_usable_size(block), bytes);
      strata_free(block);
    }
  }
}

TEST_F(AlignedAlloc, FailsWithAStatus) {
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{24}, SIZE_MAX}) {
    EXPECT_EQ(strata_aligned_alloc(alignment, 8), nullptr);
    expect_failure(STRATA_INVALID_ALIGNMENT, "strata_aligned_alloc", alignment);
  }
  EXPECT_EQ(strata_aligned_alloc(64, kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_aligned_alloc", kTooLarge);
  EXPECT_EQ(strata_aligned_alloc(64, kMoreThanThereIs), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_aligned_alloc", kMoreThanThereIs);
  EXPECT_EQ(strata_aligned_alloc(kTooLarge, 8), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_aligned_alloc", 8);
}

TEST_F(Realloc, KeepsTheContents) {
  unsigned char* block = bytes_of(strata_realloc(nullptr, 10));
  ASSERT_NE(block, nullptr);
  std::memset(block, 0x5a, 10);
  for (const std::size_t bytes :
       {std::size_t{500}, std::size_t{100'000}, std::size_t{4} << 20, std::size_t{70'000}, std::size_t{10}}) {
    block = bytes_of(strata_realloc(block, bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::vector<unsigned char>(block, block + 10), std::vector<unsigned char>(10, 0x5a)) << bytes;
  }
  block = bytes_of(strata_realloc(block, 0));
  EXPECT_TRUE(strata_owns(block));
  strata_free(block);
  expect_no_failure();
}

TEST_F(Realloc, FailsAndLeavesTheBlock) {
  unsigned char* block = bytes_of(strata_malloc(100));
  std::memset(block, 0x5a, 100);
  EXPECT_EQ(strata_realloc(block, kTooLarge), nullptr);
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_realloc", kTooLarge);
  EXPECT_EQ(strata_realloc(block, kMoreThanThereIs), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_realloc", kMoreThanThereIs);
  EXPECT_EQ(std::vector<unsigned char>(block, block + 100), std::vector<unsigned char>(100, 0x5a));
  strata_free(block);
}

TEST_F(Realloc, TellsForeignPointers) {
  const auto ignore = strata_set_corruption_callback([](const strata_corruption*) {});
  int foreign = 0;
  EXPECT_EQ(strata_realloc(&foreign, 10), nullptr);
  expect_failure(STRATA_INVALID_POINTER, "strata_realloc", 10, &foreign);
  strata_set_corruption_callback(ignore);
}

TEST_F(Free, TakesNull) {
  strata_free(nullptr);
  strata_free_sized(nullptr, 10);
  expect_no_failure();
}

TEST_F(Free, TakesTheBlocksOfOtherThreads) {
  std::vector<void*> blocks(1000);
  std::thread([&] {
    for (void*& block : blocks) block = strata_malloc(64);
  }).join();
  for (void* block : blocks) strata_free(block);
  strata_thread_idle();
  expect_no_failure();
}

TEST_F(ThreadIdle, HandsOverWhatWasFreedOfOthers) {
  // Many spans of blocks, so that a freed block in the midst comes back through the other thread's delivery alone; three, because a full
  // span goes back to its thread when an eighth of it is free.
  constexpr std::size_t kBytes = 4096;
  std::vector<void*> blocks(200);
  for (void*& block : blocks) block = strata_malloc(kBytes);
  const std::set<void*> freed{blocks[100], blocks[101], blocks[102]};
  blocks.erase(blocks.begin() + 100, blocks.begin() + 103);
  const auto comes_back = [&] {
    bool found = false;
    for (int count = 0; count < 200; ++count) {
      blocks.push_back(strata_malloc(kBytes));
      found = found || freed.contains(blocks.back());
    }
    return found;
  };
  std::binary_semaphore is_freed(0);
  std::binary_semaphore may_deliver(0);
  std::binary_semaphore is_delivered(0);
  std::binary_semaphore may_end(0);
  std::thread other([&] {
    for (void* block : freed) strata_free(block);
    is_freed.release();
    may_deliver.acquire();
    strata_thread_idle();
    is_delivered.release();
    may_end.acquire();
  });
  is_freed.acquire();
  EXPECT_FALSE(comes_back()) << "the other thread still has them";
  may_deliver.release();
  is_delivered.acquire();
  EXPECT_TRUE(comes_back());
  may_end.release();
  other.join();
  for (void* block : blocks) strata_free(block);
}

TEST_F(FreeSized, FreesWhatHasTheSize) {
  // A block that is free is the next to be given out again.
  void* block = strata_malloc(100);
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  strata_free_sized(block, 100);
  block = strata_malloc(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block), address);
  strata_free(block);
  expect_no_failure();
}

TEST_F(FreeSized, RefusesWhatCannotBe) {
  void* block = strata_malloc(100);
  const std::size_t more = strata_usable_size(block) + 1;
  strata_free_sized(block, more);
  expect_failure(STRATA_SIZE_MISMATCH, "strata_free_sized", more, block);
  void* other = strata_malloc(100);
  EXPECT_NE(other, block) << "it was freed";
  strata_free(other);
  strata_free(block);
  int foreign = 0;
  strata_free_sized(&foreign, sizeof foreign);
  expect_failure(STRATA_INVALID_POINTER, "strata_free_sized", sizeof foreign, &foreign);
}

TEST_F(FreeSized, TakesBlocksOfNoBytes) {
  strata_free_sized(strata_malloc(0), 0);
  expect_no_failure();
}

TEST_F(Owns, EveryAddressAtTheStartOfABlock) {
  for (const std::size_t bytes : kSizes) {
    unsigned char* block = bytes_of(strata_malloc(bytes));
    for (const std::size_t offset : {std::size_t{0}, bytes / 2, bytes - 1}) {
      if (offset < std::min<std::size_t>(bytes, 65536)) {
        EXPECT_TRUE(strata_owns(block + offset)) << offset << " of " << bytes;
      }
    }
    strata_free(block);
  }
  unsigned char* block = bytes_of(strata_malloc(3U << 20));
  EXPECT_TRUE(strata_owns(block + 65535));
  strata_free(block);
  EXPECT_FALSE(strata_owns(block)) << "its slices are free";
}

TEST_F(Owns, TellsOursFromOthers) {
  const auto other = std::make_unique<int>();
  EXPECT_FALSE(strata_owns(other.get()));
  EXPECT_FALSE(strata_owns(nullptr));
  EXPECT_FALSE(strata_owns(reinterpret_cast<void*>(UINTPTR_MAX)));  // NOLINT(performance-no-int-to-ptr)
  EXPECT_EQ(strata_usable_size(other.get()), 0U);
  EXPECT_EQ(strata_usable_size(nullptr), 0U);
}

TEST_F(MemoryLimit, RefusesWhatIsBeyondIt) {
  constexpr std::size_t kLimit = std::size_t{64} << 20;
  strata_set_memory_limit(kLimit);
  EXPECT_EQ(strata_malloc(kLimit + 1), nullptr);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_malloc", kLimit + 1);
  void* half = strata_malloc(kLimit / 2);
  EXPECT_NE(half, nullptr);
  EXPECT_EQ(strata_malloc(kLimit / 2 + 1), nullptr);
  strata_set_memory_limit(0);
  void* rest = strata_malloc(kLimit);
  EXPECT_NE(rest, nullptr);
  strata_free(half);
  strata_free(rest);
}

TEST_F(MemoryLimit, OfLessThanASliceRefusesAll) {
  strata_set_memory_limit(1);
  EXPECT_EQ(strata_malloc(100'000), nullptr);
  strata_set_memory_limit(0);
  void* block = strata_malloc(100'000);
  EXPECT_NE(block, nullptr);
  strata_free(block);
}

}  // namespace
}  // namespace strata::test
