#include "engine/allocator/walk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/limits.h"
#include "engine/allocator/statistics.h"
#include "tests/engine/allocator/block_ledger.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::BlockLedger;
using test::process_is_valid;

struct Totals {
  std::uint64_t stretches = 0;
  std::uint64_t bytes = 0;
  std::uint64_t used_blocks = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t approximate = 0;
  std::uint64_t recycled = 0;
  std::uint64_t free_ranges_bytes = 0;
  std::uint64_t not_of_ledger = 0;
  std::uint64_t too_short = 0;
  std::uint64_t out_of_order = 0;
  const void* next = nullptr;
  const void* last = nullptr;
  const BlockLedger* ledger = nullptr;
};

void note_used(Totals& totals, const BlockDescription& block) {
  ++totals.used_blocks;
  totals.used_bytes += block.size;
  if (totals.ledger == nullptr) return;
  const auto at = totals.ledger->blocks().find(reinterpret_cast<std::uintptr_t>(block.user_ptr));
  if (at == totals.ledger->blocks().end()) {
    ++totals.not_of_ledger;
  } else if (at->second.bytes > block.size) {
    ++totals.too_short;
  }
}

// The visitor allocates nothing of this allocator: the tests' own memory is the system's.
bool note(const BlockDescription& block, void* argument) {
  auto& totals = *static_cast<Totals*>(argument);
  const auto address = reinterpret_cast<std::uintptr_t>(block.start_address);
  const bool follows = totals.stretches == 0 || (block.start_address == totals.next && block.prev == totals.last);
  const bool is_aligned = address % block.alignment == 0 && address % (2 * block.alignment) != 0;
  if (!follows || !is_aligned || block.size == 0) ++totals.out_of_order;
  if (block.next != nullptr && block.next != static_cast<const std::byte*>(block.start_address) + block.size)
    ++totals.out_of_order;
  ++totals.stretches;
  totals.bytes += block.size;
  totals.next = block.next;
  totals.last = block.start_address;
  if ((block.flags & kBlockApproximate) != 0) ++totals.approximate;
  if ((block.flags & kBlockRecycled) != 0) ++totals.recycled;
  if ((block.flags & kBlockFreeRange) != 0) totals.free_ranges_bytes += block.size;
  if (block.user_ptr != nullptr) note_used(totals, block);
  return true;
}

Totals walk(const BlockLedger* ledger = nullptr) {
  Totals totals;
  totals.ledger = ledger;
  walk_blocks(note, &totals);
  return totals;
}

// The walk, the statistics and the ledger tell the same.
void expect_agreement(const BlockLedger& ledger) {
  const Totals seen = walk(&ledger);
  const auto statistics = std::make_unique<AllocatorStatistics>(read_statistics());
  EXPECT_EQ(seen.out_of_order, 0U);
  EXPECT_EQ(seen.next, nullptr);
  EXPECT_EQ(seen.not_of_ledger, 0U);
  EXPECT_EQ(seen.too_short, 0U);
  EXPECT_EQ(seen.approximate, 0U);
  EXPECT_EQ(seen.used_blocks, ledger.blocks().size());
  EXPECT_EQ(seen.used_blocks, statistics->used_blocks);
  EXPECT_EQ(seen.used_bytes, statistics->used_bytes);
  EXPECT_EQ(seen.bytes, std::uint64_t{process.slices.frontier()} << kSliceShift);
  EXPECT_EQ(seen.bytes - seen.free_ranges_bytes, statistics->held.in_use_bytes);

  struct SpanTotals {
    std::uint64_t bytes = 0;
    std::uint64_t used_blocks = 0;
    std::uint64_t used_bytes = 0;
  } spans;
  walk_spans(
      [](const SpanDescription& span, void* argument) {
        auto& totals = *static_cast<SpanTotals*>(argument);
        totals.bytes += span.bytes;
        totals.used_blocks += span.used;
        totals.used_bytes += span.used_bytes;
        return true;
      },
      &spans);
  EXPECT_EQ(spans.bytes, seen.bytes);
  EXPECT_EQ(spans.used_blocks, seen.used_blocks);
  EXPECT_EQ(spans.used_bytes, seen.used_bytes);
}

std::size_t any_size(std::mt19937& random) {
  switch (random() % 32) {
    case 0: return random() % 400'000;
    case 1:
    case 2: return random() % 70'000;
    default: return 1 + random() % 1500;
  }
}

// Takes and frees, of heaps chosen by chance; `heaps` may hold nullptr for the process.
class Mixture {
 public:
  Mixture(BlockLedger& ledger, unsigned seed, std::vector<SharedHeap*> heaps)
      : ledger_(ledger), random_(seed), heaps_(std::move(heaps)) {}

  void grow(int count) {
    for (int step = 0; step < count; ++step) {
      const std::size_t bytes = any_size(random_);
      SharedHeap* const heap = heaps_[random_() % heaps_.size()];
      void* const block = heap == nullptr ? allocate(bytes) : heap->allocate(bytes);
      ASSERT_TRUE(ledger_.add(block, bytes, static_cast<unsigned char>(step)));
      if (heap == nullptr || heap->strategy() != HeapStrategy::arena) blocks_.push_back(block);
    }
  }
  void shrink(std::size_t left) {
    std::shuffle(blocks_.begin(), blocks_.end(), random_);
    while (blocks_.size() > left) {
      ASSERT_TRUE(ledger_.remove(blocks_.back()));
      deallocate(blocks_.back());
      blocks_.pop_back();
    }
  }
  [[nodiscard]] std::size_t count() const { return blocks_.size(); }

 private:
  BlockLedger& ledger_;
  std::mt19937 random_;
  std::vector<SharedHeap*> heaps_;
  std::vector<void*> blocks_;
};

TEST(Walk, AgreesWithTheLedgerAndTheStatistics) {
  SharedHeap* const classes = SharedHeap::create({.name = "classes"});
  SharedHeap* const best_fit = SharedHeap::create({.name = "best fit", .strategy = HeapStrategy::best_fit});
  SharedHeap* const arena = SharedHeap::create({.name = "arena", .strategy = HeapStrategy::arena});
  BlockLedger ledger;
  expect_agreement(ledger);
  Mixture mixture(ledger, 1, {nullptr, nullptr, classes, best_fit, arena});
  for (int round = 0; round < 6; ++round) {
    mixture.grow(4000);
    expect_agreement(ledger);
    mixture.shrink(mixture.count() / 3);
    expect_agreement(ledger);
    ASSERT_TRUE(process_is_valid());
    if (HasFailure()) return;
  }
  mixture.shrink(0);
  for (SharedHeap* heap : {classes, best_fit, arena}) SharedHeap::destroy(heap);
}

// Each step in a thread of its own, so that no other thread has blocks at hand.
TEST(Walk, SeesWhatEndedThreadsLeftAndOthersFreed) {
  BlockLedger ledger;
  Mixture mixture(ledger, 2, {nullptr});
  std::thread([&] { mixture.grow(5000); }).join();
  expect_agreement(ledger);
  std::thread([&] { mixture.shrink(2500); }).join();
  expect_agreement(ledger);
  // A thread that takes up the heap and the spans.
  std::thread([&] {
    mixture.shrink(1000);
    mixture.grow(2000);
    expect_agreement(ledger);
  }).join();
  expect_agreement(ledger);
  std::thread([&] { mixture.shrink(0); }).join();
  expect_agreement(ledger);
  ASSERT_TRUE(process_is_valid());
}

// Sizes that drift: holes of one class serve others.
TEST(Walk, SeesTheBlocksOfRecycledSpans) {
  if (kMemoryChecks != MemoryChecks::none) GTEST_SKIP() << "builds with checks do not recycle spans";
  BlockLedger ledger;
  std::mt19937 random(3);
  std::vector<void*> blocks;
  for (const std::size_t smallest : {48U, 160U, 400U, 208U}) {
    for (int count = 0; count < 20'000; ++count) {
      const std::size_t bytes = smallest + random() % (2 * smallest);
      blocks.push_back(allocate(bytes));
      ASSERT_TRUE(ledger.add(blocks.back(), bytes, 1));
    }
    std::shuffle(blocks.begin(), blocks.end(), random);
    while (blocks.size() > 3000) {
      ASSERT_TRUE(ledger.remove(blocks.back()));
      deallocate(blocks.back());
      blocks.pop_back();
    }
    expect_agreement(ledger);
    ASSERT_TRUE(process_is_valid());
  }
  // Builds with checks recycle none.
  if constexpr (kMemoryChecks == MemoryChecks::none) {
    EXPECT_GT(walk().recycled, 1000U);
  }
  for (void* block : blocks) deallocate(block);
}

TEST(Walk, FlagsSpansOfOtherRunningThreads) {
  BlockLedger ledger;
  std::atomic<int> stage = 0;
  std::thread thread([&] {
    Mixture mixture(ledger, 4, {nullptr});
    mixture.grow(500);
    stage = 1;
    stage.notify_all();
    stage.wait(1);
    mixture.shrink(0);
  });
  stage.wait(0);
  const Totals seen = walk(&ledger);
  EXPECT_GT(seen.approximate, 0U);
  EXPECT_EQ(seen.out_of_order, 0U);
  EXPECT_GE(seen.used_blocks, ledger.blocks().size()) << "each of them, and what is at hand";
  EXPECT_EQ(seen.used_blocks - seen.not_of_ledger, ledger.blocks().size());
  stage = 2;
  stage.notify_all();
  thread.join();
  EXPECT_EQ(walk().approximate, 0U);
}

TEST(Walk, GoesOnWhileThreadsAllocate) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  std::atomic<void*> passed = nullptr;
  for (unsigned number = 0; number < 3; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(number);
      std::vector<void*> held;
      while (!stop) {
        const std::size_t bytes = any_size(random);
        void* const block = allocate(bytes);
        // Free blocks' links are overwritten by what looks like anything.
        std::memset(block, static_cast<int>(random()), std::min<std::size_t>(bytes, 64));
        held.push_back(passed.exchange(block));
        if (held.size() < 300) continue;
        std::swap(held[random() % held.size()], held.back());
        deallocate(held.back());
        held.pop_back();
      }
      for (void* block : held) deallocate(block);
    });
  }
  for (int round = 0; round < 100; ++round) {
    const Totals seen = walk();
    EXPECT_EQ(seen.out_of_order, 0U);
    EXPECT_EQ(seen.next, nullptr);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  deallocate(passed);
  EXPECT_EQ(walk().used_blocks, 0U);
  ASSERT_TRUE(process_is_valid());
}

TEST(Walk, DescribesEachKindOfStretch) {
  void* const small = allocate(10'000);
  void* const large = allocate(100'000);
  SharedHeap* const heap = SharedHeap::create({.name = "heap"});
  void* const of_heap = heap->allocate(100);
  deallocate(allocate(200'000));
  std::vector<BlockDescription> seen;
  seen.reserve(10'000);
  walk_blocks(
      [](const BlockDescription& block, void* argument) {
        static_cast<std::vector<BlockDescription>*>(argument)->push_back(block);
        return true;
      },
      &seen);
  const auto of = [&](const void* address) {
    for (const BlockDescription& block : seen) {
      if (block.start_address == address) return block;
    }
    return BlockDescription{};
  };
  EXPECT_EQ(of(small).size, class_bytes(malloc_class_of(bytes_to_take(10'000))));
  EXPECT_EQ(of(small).flags, 0U);
  EXPECT_EQ(of(small).user_ptr, small);
  EXPECT_EQ(of(large).size, usable_large_bytes(100'000));
  EXPECT_EQ(of(large).flags, kBlockLarge);
  EXPECT_GE(of(large).alignment, kSliceBytes);
  EXPECT_EQ(of(of_heap).flags, kBlockSharedHeap);
  std::uint32_t all_flags = 0;
  for (const BlockDescription& block : seen) {
    all_flags |= block.flags;
    EXPECT_EQ(block.user_ptr == nullptr, block.is_free || (block.flags & kBlockRecords) != 0);
    EXPECT_TRUE(block.is_free || (block.flags & (kBlockFreeRange | kBlockUnmade | kBlockTail)) == 0);
  }
  for (const std::uint32_t flag : {kBlockFreeRange, kBlockUnmade, kBlockTail, kBlockRecords}) EXPECT_NE(all_flags & flag, 0U);
  SharedHeap::destroy(heap);
  deallocate(small);
  deallocate(large);
}

TEST(Walk, EndsWhenTheVisitorSaysSo) {
  void* const block = allocate(100);
  int visits = 0;
  const auto count = [](const BlockDescription&, void* argument) { return ++*static_cast<int*>(argument) < 3; };
  walk_blocks(count, &visits);
  EXPECT_EQ(visits, 3);
  // No lock is held any more.
  deallocate(block);
  deallocate(allocate(100'000));
}

}  // namespace
}  // namespace strata::allocator
