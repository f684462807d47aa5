// Which paths of the allocator write to lines that other threads use: counted, in a build that counts all such writes.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/process_allocator.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {
namespace {

constexpr std::size_t kLargest = 8192;

template <typename Work>
sync::SharedWrites writes_of(Work work) {
  const sync::SharedWrites before = sync::shared_writes;
  work();
  return {.stores = sync::shared_writes.stores - before.stores,
          .read_modify_writes = sync::shared_writes.read_modify_writes - before.read_modify_writes};
}

TEST(SharedWrites, AreCounted) {
  sync::Atomic<int> word = 0;
  const sync::SharedWrites seen = writes_of([&] {
    word.store(1);
    (void)word.fetch_add(1);
    int expected = 0;
    (void)word.compare_exchange_strong(expected, 3);
    const sync::MutexLock lock(process.slices.mutex());
  });
  EXPECT_EQ(seen.stores, 1U);
  EXPECT_EQ(seen.read_modify_writes, 4U) << "two above, and two of the lock";
}

// A block at hand is taken and put back: the way of nearly all calls.
TEST(SharedWrites, NoneWhereBlocksAreAtHand) {
  std::vector<void*> blocks(4);
  const auto use_all_classes = [&] {
    for (std::size_t bytes = 8; bytes <= kLargest; bytes += 8) {
      for (void*& block : blocks) block = allocate(bytes);
      for (void* block : blocks) deallocate(block);
    }
  };
  use_all_classes();
  const sync::SharedWrites seen = writes_of([&] {
    for (int round = 0; round < 100; ++round) use_all_classes();
  });
  EXPECT_EQ(seen.stores, 0U);
  EXPECT_EQ(seen.read_modify_writes, 0U);
}

// Blocks of all classes come and go at random, so heaps refill from spans and give back to them, spans become full and are taken up again.
TEST(SharedWrites, FewWhereOnlyThisThreadAllocatesAndFrees) {
  constexpr std::uint64_t kSteps = 1'000'000;
  std::mt19937 random(1);
  std::vector<void*> blocks(20'000);
  const auto replace_one = [&] {
    void*& block = blocks[random() % blocks.size()];
    deallocate(block);
    block = allocate(8 + random() % 1000);
  };
  for (std::uint64_t step = 0; step < kSteps; ++step) replace_one();
  const sync::SharedWrites seen = writes_of([&] {
    for (std::uint64_t step = 0; step < kSteps; ++step) replace_one();
  });
  RecordProperty("read_modify_writes_of_a_million_pairs", static_cast<int>(seen.read_modify_writes));
  RecordProperty("stores_of_a_million_pairs", static_cast<int>(seen.stores));
  // A span that becomes full, and one that is not any more: a swap each.
  EXPECT_LT(seen.read_modify_writes, kSteps / 20);
  EXPECT_LT(seen.stores, kSteps / 20);
  for (void* block : blocks) deallocate(block);
}

TEST(SharedWrites, OneForABatchOfBlocksFreedForAnotherThread) {
  constexpr std::uint64_t kBlocks = 64'000;
  std::vector<void*> blocks(kBlocks);
  for (void*& block : blocks) block = allocate(64);
  sync::SharedWrites seen;
  HeapStatistics counted;
  std::thread other([&] {
    // Its heap.
    deallocate(allocate(64));
    seen = writes_of([&] {
      for (void* block : blocks) deallocate(block);
      current_heap->flush();
    });
    counted = current_heap->statistics();
  });
  other.join();
  EXPECT_EQ(counted.remote_blocks, kBlocks);
  EXPECT_LE(counted.remote_batches, kBlocks / RemoteFrees::kBatchBlocks + kBlocks * 64 / kSliceBytes + 1);
  // The blocks of a span come together here. A span that was full goes into the owner's mail by one more.
  EXPECT_LE(seen.read_modify_writes, counted.remote_batches + 2 * kBlocks * 64 / kSliceBytes);
}

}  // namespace
}  // namespace strata::allocator
