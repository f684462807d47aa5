// Damage to memory, seeded: links of free lists, bytes behind blocks, blocks written to after they were freed. Compiled for each way to
// check memory, as checks_test.cpp.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/free_links.h"
#include "tests/engine/allocator/report_log.h"

namespace strata::allocator {
namespace {

using test::kChecked;
using test::kUnchecked;
using test::ReportLog;

constexpr std::size_t kSizes[] = {0,      1,      7,      8,       9,       15,        16,       24,
                                  100,    250,    256,    1000,    4096,    40'000,    57'344,   65'527,
                                  65'528, 65'529, 65'536, 100'000, 131'072, 1'048'576, 3'000'001};

std::vector<char*> blocks_of(std::size_t count, std::size_t bytes) {
  std::vector<char*> blocks(count);
  for (char*& block : blocks) {
    block = static_cast<char*>(allocate(bytes));
    std::memset(block, 0x11, bytes);
  }
  return blocks;
}

// Not all of a span, which would be made anew.
void free_most(const std::vector<char*>& blocks) {
  for (std::size_t number = 0; number < blocks.size(); ++number) {
    if (number % 16 != 15) deallocate(blocks[number]);
  }
}

// Takes what is free, and more: no block twice.
void expect_all_apart(std::size_t count, std::size_t bytes) {
  std::set<void*> apart;
  for (std::size_t number = 0; number < count; ++number) {
    void* block = allocate(bytes);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(apart.insert(block).second) << "handed out twice";
    std::memset(block, 0x22, bytes);
  }
  for (void* block : apart) deallocate(block);
}

void expect_damaged_list(const CorruptionReport& report, const void* block) {
  EXPECT_EQ(report.kind, Corruption::corrupted_list);
  EXPECT_EQ(report.address, block);
  EXPECT_EQ(report.block, block);
  EXPECT_GT(report.block_bytes, 0U);
}

TEST(FreeLinks, ComeBackAndAreNotAddresses) {
  const std::vector<char*> blocks = blocks_of(2, 64);
  auto* first = reinterpret_cast<Block*>(blocks[0]);
  auto* second = reinterpret_cast<Block*>(blocks[1]);
  for (Block* next : {second, first, static_cast<Block*>(nullptr)}) {
    link_block(*first, next);
    EXPECT_EQ(next_of(*first), next);
    Block* stored = nullptr;
    std::memcpy(static_cast<void*>(&stored), static_cast<void*>(first), sizeof stored);  // NOLINT(bugprone-sizeof-expression)
    EXPECT_EQ(stored == next, kUnchecked);
  }
}

// What is done to the link of a block in a list.
using Damage = std::function<void(char* link, const std::vector<char*>& blocks)>;

void damage_a_list(std::size_t bytes, bool by_another_thread, const Damage& damage) {
  const ReportLog log;
  const std::vector<char*> blocks = blocks_of(600, bytes);
  const auto free_all = [&] {
    free_most(blocks);
    thread_is_idle();
  };
  if (by_another_thread) {
    std::thread(free_all).join();
  } else {
    free_all();
  }
  // Freed early, so neither at hand any more nor the last of its list.
  char* link = blocks[5];
  damage(link, blocks);
  EXPECT_EQ(log.count(), 0U);
  expect_all_apart(1200, bytes);
  expect_damaged_list(log.only(), link);
  expect_all_apart(1200, bytes);
  EXPECT_EQ(log.count(), 0U) << "reported again";
}

TEST(CorruptedList, IsReportedOnceAndDropped) {
  if (kUnchecked) GTEST_SKIP() << "the link is followed";
  std::size_t bytes = 24;
  for (const bool by_another_thread : {false, true}) {
    const auto seed = [&](const Damage& damage) { damage_a_list(bytes += 16, by_another_thread, damage); };
    seed([](char* link, auto&) { std::memset(link, 0, 8); });
    seed([](char* link, auto&) { std::memset(link, 0xFF, 8); });
    seed([](char* link, auto&) { link[0] = static_cast<char>(link[0] ^ 1); });
    seed([](char* link, auto&) { link[7] = static_cast<char>(link[7] ^ 1); });
    // An address as it is, and what only somebody who knows the secret can write.
    seed([](char* link, auto& blocks) { std::memcpy(link, &blocks[300], sizeof(std::uintptr_t)); });
    seed([](char* link, auto& blocks) { link_block(*reinterpret_cast<Block*>(link), reinterpret_cast<Block*>(blocks[6] + 8)); });
    seed([](char* link, auto& blocks) {
      link_block(*reinterpret_cast<Block*>(link), reinterpret_cast<Block*>(blocks[590] + (1 << 20)));
    });
    seed([](char* link, auto&) { link_block(*reinterpret_cast<Block*>(link), nullptr); });
  }
}

// What runs over the end of the block before damages the first byte. Were it the lowest of an address, this would be another block.
TEST(CorruptedList, FirstByteIsTheHighest) {
  if (kUnchecked) GTEST_SKIP() << "the link is followed";
  for (int bit = 0; bit < 8; ++bit) {
    damage_a_list(kChecked ? 8 : 16, false, [bit](char* link, auto&) { link[0] = static_cast<char>(link[0] ^ (1 << bit)); });
  }
}

TEST(CorruptedList, ThatDoesNotEndWhereItShould) {
  if (kUnchecked) GTEST_SKIP() << "the link is followed";
  const ReportLog log;
  const std::vector<char*> blocks = blocks_of(600, 200);
  free_most(blocks);
  // The first that came back to its span: the last of the list.
  ASSERT_EQ(next_of(*reinterpret_cast<Block*>(blocks[0])), nullptr);
  link_block(*reinterpret_cast<Block*>(blocks[0]), reinterpret_cast<Block*>(blocks[1]));
  expect_all_apart(1200, 200);
  expect_damaged_list(log.only(), blocks[0]);
}

void expect_overflow(const CorruptionReport& report, const char* block, std::size_t requested, std::size_t offset) {
  EXPECT_EQ(report.kind, Corruption::overflow);
  EXPECT_EQ(report.address, block);
  EXPECT_EQ(report.block, block);
  EXPECT_GE(report.block_bytes, requested + kLeastCanaryBytes);
  EXPECT_EQ(report.requested_bytes, requested);
  EXPECT_EQ(report.damaged_offset, offset);
}

// Each byte that may lie in a canary, with a zero too.
TEST(Overflow, IsFoundWhenTheBlockIsFreed) {
  if (!kChecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (const std::size_t bytes : kSizes) {
    for (std::size_t offset = bytes; offset < bytes + kLeastCanaryBytes; ++offset) {
      for (const char written : {'\0', 'x'}) {
        auto* block = static_cast<char*>(allocate(bytes));
        // The canary may have the same byte.
        if (block[offset] == written) {
          deallocate(block);
          continue;
        }
        block[offset] = written;
        deallocate(block);
        expect_overflow(log.only(), block, bytes, offset);
      }
    }
    expect_all_apart(20, bytes);
    EXPECT_EQ(log.count(), 0U);
  }
}

TEST(Overflow, IsFoundByEveryCallThatIsGivenTheBlock) {
  if (!kChecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (const std::size_t bytes : kSizes) {
    auto* block = static_cast<char*>(allocate(bytes));
    const auto damage = [&block](std::size_t offset) { block[offset] = static_cast<char>(block[offset] ^ 2); };
    damage(bytes);
    EXPECT_EQ(usable_bytes(block), bytes);
    expect_overflow(log.only(), block, bytes, bytes);
    damage(bytes + 3);
    EXPECT_EQ(check_heap()->damaged_blocks, 1U);
    expect_overflow(log.only(), block, bytes, bytes + 3);
    damage(bytes + 1);
    const char* before = block;
    block = static_cast<char*>(reallocate(block, bytes + 1));
    expect_overflow(log.only(), before, bytes, bytes + 1);
    EXPECT_EQ(usable_bytes(block), bytes + 1);
    EXPECT_EQ(check_heap()->damaged_blocks, 0U);
    deallocate(block);
    EXPECT_EQ(log.count(), 0U) << "reported again";
  }
}

TEST(Overflow, AlignedAndZeroedBlocksHaveCanariesToo) {
  if (!kChecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (std::size_t alignment = 1; alignment <= std::size_t{1} << 20; alignment *= 2) {
    for (const std::size_t bytes : kSizes) {
      auto* block = static_cast<char*>(allocate_aligned(alignment, bytes));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
      EXPECT_EQ(usable_bytes(block), bytes);
      block[bytes] = static_cast<char>(block[bytes] ^ 1);
      deallocate(block);
      expect_overflow(log.only(), block, bytes, bytes);
    }
  }
  for (const std::size_t bytes : kSizes) {
    auto* block = static_cast<char*>(allocate_zeroed(bytes));
    for (std::size_t offset = 0; offset < bytes; ++offset) ASSERT_EQ(block[offset], 0);
    block[bytes] = static_cast<char>(block[bytes] ^ 1);
    deallocate(block);
    expect_overflow(log.only(), block, bytes, bytes);
  }
}

TEST(UseAfterFree, IsFoundWhenTheBlockIsHandedOutAgain) {
  if (!kChecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (const std::size_t bytes : {1U, 16U, 100U, 1000U, 40'000U, 65'000U}) {
    for (const std::size_t offset : {std::size_t{0}, bytes / 2, bytes - 1}) {
      auto* block = static_cast<char*>(allocate(bytes));
      deallocate(block);
      block[offset] = 0x33;
      ASSERT_EQ(allocate(bytes), block) << "the last one freed is the next";
      const CorruptionReport report = log.only();
      EXPECT_EQ(report.kind, Corruption::use_after_free);
      EXPECT_EQ(report.address, block);
      EXPECT_EQ(report.block, block);
      EXPECT_EQ(report.requested_bytes, bytes);
      EXPECT_EQ(report.damaged_offset, offset);
      deallocate(block);
    }
    expect_all_apart(20, bytes);
    EXPECT_EQ(log.count(), 0U) << "reported again";
  }
}

TEST(UseAfterFree, OfABlockInAListAndByTheCheckOfTheHeap) {
  if (!kChecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  const std::vector<char*> blocks = blocks_of(600, 200);
  free_most(blocks);
  blocks[5][100] = 0x33;
  EXPECT_EQ(check_heap()->damaged_blocks, 1U);
  EXPECT_EQ(log.only().damaged_offset, 100U);
  EXPECT_EQ(check_heap()->damaged_blocks, 0U);
  blocks[5][101] = 0x33;
  expect_all_apart(1200, 200);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.block, blocks[5]);
  EXPECT_EQ(report.damaged_offset, 101U);
}

// Whatever way blocks went: at hand, in lists, in spans made anew.
TEST(CheckedHeap, FindsNothingWhereNothingIsWrong) {
  const ReportLog log;
  for (const std::size_t bytes : {8U, 100U, 3000U, 20'000U}) {
    for (int round = 0; round < 4; ++round) {
      const std::vector<char*> blocks = blocks_of(700, bytes);
      const auto free_all = [&] {
        for (char* block : blocks) deallocate(block);
        thread_is_idle();
      };
      if (round % 2 == 0) {
        free_all();
      } else {
        std::thread(free_all).join();
      }
      if (kChecked) {
        EXPECT_EQ(check_heap()->damaged_blocks, 0U);
      }
    }
  }
  EXPECT_EQ(log.count(), 0U);
}

TEST(CheckedHeap, CountsWhatIsInUse) {
  const ReportLog log;
  if (!kChecked) {
    EXPECT_FALSE(check_heap().has_value());
    return;
  }
  const HeapCheck before = *check_heap();
  std::vector<void*> blocks;
  std::uint64_t requested = 0;
  for (const std::size_t bytes : kSizes) {
    blocks.push_back(allocate(bytes));
    EXPECT_EQ(usable_bytes(blocks.back()), bytes);
    requested += bytes;
  }
  HeapCheck now = *check_heap();
  EXPECT_EQ(now.blocks - before.blocks, std::size(kSizes));
  EXPECT_EQ(now.requested_bytes - before.requested_bytes, requested);
  EXPECT_EQ(now.damaged_blocks, 0U);
  blocks.back() = reallocate(blocks.back(), 70'000);
  requested = requested - kSizes[std::size(kSizes) - 1] + 70'000;
  now = *check_heap();
  EXPECT_EQ(now.requested_bytes - before.requested_bytes, requested);
  for (void* block : blocks) deallocate(block);
  now = *check_heap();
  EXPECT_EQ(now.blocks, before.blocks);
  EXPECT_EQ(now.requested_bytes, before.requested_bytes);
  EXPECT_EQ(log.count(), 0U);
}

// So that what still points to the old place is found.
TEST(CheckedHeap, ResizedBlocksOfAClassMove) {
  const ReportLog log;
  auto* block = static_cast<char*>(allocate(100));
  std::memset(block, 0x44, 100);
  auto* moved = static_cast<char*>(reallocate(block, 90));
  EXPECT_EQ(moved != block, kChecked);
  for (int offset = 0; offset < 90; ++offset) ASSERT_EQ(moved[offset], 0x44);
  deallocate(moved);
  EXPECT_EQ(log.count(), 0U);
}

}  // namespace
}  // namespace strata::allocator
