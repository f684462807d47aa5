#include "engine/allocator/statistics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/limits.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::process_is_valid;

std::vector<void*> take(std::size_t count, std::size_t bytes) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = allocate(bytes);
  return blocks;
}
void give_back(std::vector<void*>& blocks, std::size_t left) {
  while (blocks.size() > left) {
    deallocate(blocks.back());
    blocks.pop_back();
  }
}

std::unique_ptr<AllocatorStatistics> read() { return std::make_unique<AllocatorStatistics>(read_statistics()); }

void expect_sound(const ClassUsage& of_class, SizeClass size_class) {
  EXPECT_EQ(of_class.block_bytes, class_bytes(size_class));
  EXPECT_EQ(of_class.capacity, std::uint64_t{of_class.spans} * blocks_of_class(size_class));
  EXPECT_LE(of_class.used, of_class.carved);
  EXPECT_LE(of_class.carved, of_class.capacity);
  EXPECT_EQ(std::accumulate(of_class.occupancy.begin(), of_class.occupancy.end(), 0U), of_class.spans);
}

TEST(Statistics, NothingIsUsedAtFirst) {
  const auto seen = read();
  EXPECT_EQ(seen->used_blocks, 0U);
  EXPECT_EQ(seen->held.in_use_bytes, 0U);
  EXPECT_EQ(seen->fragmentation, 0.0);
  EXPECT_GT(seen->held.reserved_bytes, 0U);
}

TEST(Statistics, TellsAKnownScenarioExactly) {
  const SizeClass size_class = malloc_class_of(bytes_to_take(100));
  const std::uint32_t blocks_a_span = blocks_of_class(size_class);
  // Eight full spans.
  std::vector<void*> small = take(std::size_t{8} * blocks_a_span, 100);
  std::vector<void*> large = take(10, 300'000);
  auto seen = read();
  const ClassUsage& of_class = seen->classes[size_class];
  EXPECT_EQ(of_class.used, small.size());
  EXPECT_EQ(of_class.spans, 8U);
  EXPECT_EQ(of_class.occupancy[kOccupancyBins - 1], 8U);
  EXPECT_EQ(of_class.recoverable_spans, 0U);
  EXPECT_EQ(seen->large_blocks, 10U);
  EXPECT_EQ(seen->large_requested_bytes, 3'000'000U);
  EXPECT_EQ(seen->large_bytes, std::size_t{10} * 5 * kSliceBytes);
  EXPECT_EQ(seen->used_blocks, small.size() + large.size());
  const std::uint64_t used_bytes = small.size() * class_bytes(size_class) + 10 * usable_large_bytes(300'000);
  EXPECT_EQ(seen->used_bytes, used_bytes);
  // Beside them the heap's own slice.
  EXPECT_EQ(seen->held.in_use_bytes, (8 + 50 + 1) * kSliceBytes);
  EXPECT_DOUBLE_EQ(seen->fragmentation, 1.0 - static_cast<double>(used_bytes) / static_cast<double>(58 * kSliceBytes));
  EXPECT_EQ(seen->threads, 1U);
  for (SizeClass each = 0; each < kSizeClasses; ++each) expect_sound(seen->classes[each], each);

  // One block of each span stays: seven of the eight spans could go.
  for (std::size_t index = 0; index < small.size(); ++index) {
    if (index % blocks_a_span != 0) deallocate(small[index]);
  }
  seen = read();
  EXPECT_EQ(seen->classes[size_class].used, 8U);
  EXPECT_EQ(seen->classes[size_class].spans, 8U);
  EXPECT_EQ(seen->classes[size_class].recoverable_spans, 7U);
  EXPECT_EQ(seen->classes[size_class].occupancy[0], 8U);
  for (std::size_t index = 0; index < small.size(); index += blocks_a_span) deallocate(small[index]);
  give_back(large, 0);
  purge_all();
  seen = read();
  EXPECT_EQ(seen->used_blocks, 0U);
  EXPECT_EQ(seen->held.in_use_bytes, kSliceBytes);
  EXPECT_EQ(seen->held.dirty_free_bytes, 0U);
  EXPECT_EQ(seen->held.purged_bytes, 58 * kSliceBytes);
  ASSERT_TRUE(process_is_valid());
}

TEST(Statistics, TellsSharedHeapsApart) {
  SharedHeap* const classes = SharedHeap::create({.name = "classes", .limit_bytes = 1 << 20});
  SharedHeap* const best_fit = SharedHeap::create({.name = "best fit", .strategy = HeapStrategy::best_fit});
  for (int count = 0; count < 50; ++count) {
    EXPECT_NE(classes->allocate(1000), nullptr);
    EXPECT_NE(best_fit->allocate(1000), nullptr);
  }
  EXPECT_NE(best_fit->allocate(200'000), nullptr);
  void* const of_process = allocate(1000);
  const auto seen = read();
  EXPECT_EQ(seen->shared_heaps, 2U);
  EXPECT_EQ(seen->classes[malloc_class_of(1000)].used, 51U);
  EXPECT_EQ(seen->granule_spans, 1U);
  EXPECT_EQ(seen->granule_used_bytes, 50U * 1008);
  EXPECT_EQ(seen->large_blocks, 1U);
  EXPECT_EQ(seen->used_blocks, 102U);

  std::vector<HeapDescription> heaps(8);
  ASSERT_EQ(read_heaps(heaps.data(), heaps.size()), 3U);
  EXPECT_FALSE(heaps[0].is_shared);
  EXPECT_TRUE(heaps[0].is_in_use);
  EXPECT_EQ(heaps[0].used_bytes, class_bytes(malloc_class_of(bytes_to_take(1000))));
  EXPECT_EQ(heaps[0].held_bytes, kSliceBytes);
  for (std::size_t index : {1U, 2U}) {
    SharedHeap* const heap = heaps[index].id == classes->id() ? classes : best_fit;
    EXPECT_TRUE(heaps[index].is_shared);
    EXPECT_STREQ(heaps[index].name.data(), heap->name());
    EXPECT_EQ(heaps[index].strategy, heap->strategy());
    EXPECT_EQ(heaps[index].used_bytes, heap->usage().used_bytes);
    EXPECT_EQ(heaps[index].held_bytes, heap->usage().held_bytes);
    EXPECT_EQ(heaps[index].limit_bytes, heap == classes ? 1U << 20 : 0U);
    EXPECT_EQ(heaps[index].spans, heap == classes ? 1U : 2U);
  }
  EXPECT_EQ(read_heaps(heaps.data(), 1), 3U) << "how many there are, not how many fit";
  SharedHeap::destroy(classes);
  SharedHeap::destroy(best_fit);
  deallocate(of_process);
}

TEST(Statistics, CumulativeCountersDoNotGoBack) {
  auto before = read();
  SharedHeap* const heap = SharedHeap::create({.name = "short", .strategy = HeapStrategy::arena});
  for (int count = 0; count < 100; ++count) EXPECT_NE(heap->allocate(100), nullptr);
  auto seen = read();
  EXPECT_EQ(seen->blocks_taken, before->blocks_taken + 100);
  EXPECT_EQ(seen->bytes_taken, before->bytes_taken + 100UL * 112);
  SharedHeap::destroy(heap);
  std::thread([] { give_back(*std::make_unique<std::vector<void*>>(take(10'000, 64)), 0); }).join();
  const auto after = read();
  EXPECT_GE(after->blocks_taken, seen->blocks_taken + 10'000);
  EXPECT_GE(after->blocks_returned, 10'000U);
  EXPECT_EQ(after->shared_heaps, 0U);
  EXPECT_EQ(after->used_blocks, 0U);
}

// Blocks that ended threads left, and what others freed of them.
TEST(Statistics, CountsWhatEndedThreadsLeft) {
  std::vector<void*> blocks;
  std::thread([&] { blocks = take(10'000, 200); }).join();
  EXPECT_EQ(read()->used_blocks, 10'000U);
  give_back(blocks, 7'000);
  EXPECT_EQ(read()->used_blocks, 7'000U) << "what was freed of an ended thread's";
  give_back(blocks, 0);
  EXPECT_EQ(read()->used_blocks, 0U);
  ASSERT_TRUE(process_is_valid());
}

// What another running thread has at hand counts as used, and no more.
TEST(Statistics, LagsByWhatOthersHaveAtHand) {
  std::vector<void*> blocks;
  std::atomic<int> stage = 0;
  std::thread thread([&] {
    blocks = take(1000, 200);
    stage = 1;
    stage.notify_all();
    stage.wait(1);
    give_back(blocks, 0);
  });
  stage.wait(0);
  const auto seen = read();
  EXPECT_GE(seen->used_blocks, 1000U);
  EXPECT_LE(seen->used_blocks, 1000U + AtHand::kSlots);
  EXPECT_EQ(seen->threads, 2U - (current_heap->started() ? 0U : 1U));
  stage = 2;
  stage.notify_all();
  thread.join();
  EXPECT_EQ(read()->used_blocks, 0U);
}

TEST(Statistics, AreReadWhileThreadsAllocate) {
  std::atomic<bool> stop = false;
  SharedHeap* const heap = SharedHeap::create({.name = "busy"});
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < 3; ++number) {
    threads.emplace_back([&, number] {
      std::vector<void*> held;
      for (std::size_t step = 0; !stop; ++step) {
        const std::size_t bytes = 16 + (step * 37 + number) % 3000;
        held.push_back(number == 0 ? heap->allocate(bytes) : allocate(step % 512 == 0 ? 100'000 : bytes));
        if (held.size() > 300) {
          std::swap(held[step % held.size()], held.back());
          deallocate(held.back());
          held.pop_back();
        }
      }
      give_back(held, 0);
    });
  }
  std::vector<HeapDescription> heaps(16);
  for (int round = 0; round < 200; ++round) {
    const auto seen = read();
    EXPECT_LE(seen->used_bytes, seen->held.in_use_bytes);
    EXPECT_LE(seen->large_requested_bytes, seen->large_bytes + 100'000);
    EXPECT_GE(read_heaps(heaps.data(), heaps.size()), 1U);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read()->used_blocks, 0U);
  SharedHeap::destroy(heap);
  ASSERT_TRUE(process_is_valid());
}

TEST(Limits, RefuseAreCountedAndPurgeFirst) {
  ASSERT_TRUE(start_process_allocator());
  EXPECT_EQ(limit(), 0U);
  set_limit(std::uint64_t{8} << 20);
  EXPECT_EQ(limit(), std::uint64_t{8} << 20);
  void* const block = allocate(7 << 20);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(refused_allocations(), 0U);
  EXPECT_EQ(allocate(2 << 20), nullptr);
  EXPECT_EQ(refused_allocations(), 1U);
  deallocate(block);
  void* const other = allocate_aligned(1 << 20, 7 << 20);
  EXPECT_NE(other, nullptr) << "what is free is given back for it";
  EXPECT_EQ(refused_allocations(), 1U);
  EXPECT_EQ(read()->held.refused, 1U);
  EXPECT_EQ(read()->held.limit_bytes, std::uint64_t{8} << 20);
  set_limit(kSliceBytes - 1);
  EXPECT_EQ(allocate(100'000), nullptr) << "less than a slice refuses all";
  set_limit(0);
  EXPECT_EQ(limit(), 0U);
  void* const third = allocate(64 << 20);
  EXPECT_NE(third, nullptr);
  deallocate(other);
  deallocate(third);
}

TEST(Limits, PurgeAllGivesBackWhatIsKept) {
  SharedHeap* const heap = SharedHeap::create({.name = "kept"});
  std::vector<void*> blocks = take(20'000, 100);
  std::vector<void*> of_heap;
  of_heap.reserve(20'000);
  for (int count = 0; count < 20'000; ++count) of_heap.push_back(heap->allocate(100));
  give_back(blocks, 0);
  for (void* block : of_heap) heap->deallocate(block);
  EXPECT_GT(heap->usage().held_bytes, 0U) << "empty spans are kept for later";
  EXPECT_GT(process.slices.statistics().in_use_bytes, 10 * kSliceBytes);
  purge_all();
  EXPECT_EQ(heap->usage().held_bytes, 0U);
  EXPECT_EQ(process.slices.statistics().in_use_bytes, 2 * kSliceBytes) << "the records of two heaps";
  EXPECT_EQ(process.slices.statistics().dirty_free_bytes, 0U);
  SharedHeap::destroy(heap);
  ASSERT_TRUE(process_is_valid());
}

}  // namespace
}  // namespace strata::allocator
