#include "engine/allocator/shared_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/corruption.h"
#include "tests/engine/allocator/block_ledger.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::BlockLedger;
using test::process_is_valid;
using test::valid;

std::vector<CorruptionReport> reports;
void note_report(const CorruptionReport& report) { reports.push_back(report); }

std::uint64_t in_use_bytes() { return process.slices.statistics().in_use_bytes; }

bool is_aligned(const void* block, std::size_t alignment) { return reinterpret_cast<std::uintptr_t>(block) % alignment == 0; }

std::size_t any_size(std::mt19937& random) {
  switch (random() % 16) {
    case 0: return random() % 400'000;
    case 1: return random() % 70'000;
    case 2:
    case 3: return random() % 8000;
    default: return random() % 600;
  }
}

class SharedHeaps : public testing::TestWithParam<HeapStrategy> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_process_allocator());
    reports.clear();
    set_corruption_hook(note_report);
  }
  void TearDown() override {
    SharedHeap::destroy(heap_);
    set_corruption_hook(nullptr);
  }

  SharedHeap& make(std::uint64_t limit_bytes = 0) {
    heap_ = SharedHeap::create({.name = "of the test", .strategy = GetParam(), .limit_bytes = limit_bytes});
    return *heap_;
  }
  [[nodiscard]] static bool frees_blocks() { return GetParam() != HeapStrategy::arena; }

  SharedHeap* heap_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Strategies, SharedHeaps,
                         testing::Values(HeapStrategy::size_class, HeapStrategy::best_fit, HeapStrategy::arena));

// What a thread does in the property test, with its own share of the blocks.
class Worker {
 public:
  Worker(SharedHeap& heap, BlockLedger& ledger, unsigned seed) : heap_(heap), ledger_(ledger), random_(seed) {}

  void work(int steps) {
    for (int step = 0; step < steps && sound_; ++step) {
      const unsigned action = random_() % 8;
      if (blocks_.size() < 50 || action < 3) {
        take();
      } else if (action < 5) {
        resize();
      } else {
        give_back();
      }
    }
  }
  std::vector<void*>& blocks() { return blocks_; }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  void take() {
    const std::size_t bytes = any_size(random_);
    const std::size_t alignment = random_() % 4 == 0 ? std::size_t{8} << (random_() % 14) : kMallocAlignment;
    const bool zeroed = random_() % 4 == 0;
    auto* block =
        static_cast<unsigned char*>(zeroed ? heap_.allocate_zeroed(bytes, alignment) : heap_.allocate(bytes, alignment));
    if (block == nullptr) return;
    if (zeroed) sound_ = sound_ && std::all_of(block, block + bytes, [](unsigned char byte) { return byte == 0; });
    sound_ = sound_ && is_aligned(block, alignment) && heap_.usable_bytes(block) >= bytes && heap_.owns(block);
    keep(block, bytes);
  }
  void resize() {
    void* const block = take_out();
    const std::size_t bytes = any_size(random_);
    sound_ = sound_ && ledger_.remove(block);
    void* const resized = random_() % 2 == 0 ? heap_.reallocate(block, bytes) : reallocate(block, bytes);
    if (resized == nullptr) return keep(block, 0);
    sound_ = sound_ && is_aligned(resized, 8) && heap_.owns(resized) && heap_.usable_bytes(resized) >= bytes;
    keep(resized, bytes);
  }
  void give_back() {
    void* const block = take_out();
    sound_ = sound_ && ledger_.remove(block);
    if (random_() % 2 == 0) {
      heap_.deallocate(block);
    } else {
      deallocate(block);
    }
  }
  void keep(void* block, std::size_t bytes) {
    sound_ = sound_ && ledger_.add(block, bytes, static_cast<unsigned char>(random_()));
    blocks_.push_back(block);
  }
  void* take_out() {
    std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
    void* const block = blocks_.back();
    blocks_.pop_back();
    return block;
  }

  SharedHeap& heap_;
  BlockLedger& ledger_;
  std::mt19937 random_;
  std::vector<void*> blocks_;
  bool sound_ = true;
};

TEST_P(SharedHeaps, FourThreadsKeepBlocksApartAlignedAndIntact) {
  SharedHeap& heap = make(std::uint64_t{64} << 20);
  BlockLedger ledger;
  std::vector<Worker> workers;
  for (unsigned seed = 0; seed < 4; ++seed) workers.emplace_back(heap, ledger, seed);
  for (int round = 0; round < 4; ++round) {
    std::vector<std::thread> threads;
    threads.reserve(workers.size());
    for (Worker& worker : workers) threads.emplace_back([&worker] { worker.work(2000); });
    for (std::thread& thread : threads) thread.join();
    for (const Worker& worker : workers) ASSERT_TRUE(worker.sound());
    ASSERT_TRUE(valid(heap));
    // What one thread took the next one frees.
    for (std::size_t index = 1; index < workers.size(); ++index) std::swap(workers[0].blocks(), workers[index].blocks());
  }
  for (Worker& worker : workers) {
    for (void* block : worker.blocks()) {
      EXPECT_TRUE(ledger.remove(block));
      heap.deallocate(block);
    }
  }
  EXPECT_TRUE(ledger.blocks().empty());
  EXPECT_TRUE(reports.empty());
  if (frees_blocks()) {
    EXPECT_EQ(heap.usage().used_bytes, 0U);
    EXPECT_EQ(heap.usage().used_blocks, 0U);
  }
  ASSERT_TRUE(process_is_valid());
}

TEST_P(SharedHeaps, DestroyGivesAllBackBlocksInUseOrNot) {
  void* const of_process = allocate(100);
  const std::uint64_t before = in_use_bytes();
  for (int round = 0; round < 3; ++round) {
    SharedHeap& heap = make();
    std::mt19937 random(static_cast<unsigned>(round));
    std::vector<void*> blocks;
    blocks.reserve(5000);
    for (int count = 0; count < 5000; ++count) blocks.push_back(heap.allocate(any_size(random)));
    for (std::size_t index = 0; index < blocks.size(); index += 3) heap.deallocate(blocks[index]);
    EXPECT_GT(in_use_bytes(), before + (std::uint64_t{10} << 20));
    EXPECT_EQ(in_use_bytes(), before + heap.usage().held_bytes + heap.usage().record_bytes);
    SharedHeap::destroy(heap_);
    heap_ = nullptr;
    EXPECT_EQ(in_use_bytes(), before);
    ASSERT_TRUE(process_is_valid());
  }
  deallocate(of_process);
}

TEST_P(SharedHeaps, AFreeAfterTheEndIsReported) {
  SharedHeap& heap = make();
  void* const small = heap.allocate(100);
  void* const large = heap.allocate(200'000);
  SharedHeap::destroy(heap_);
  heap_ = nullptr;
  deallocate(small);
  deallocate(large);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].kind, Corruption::invalid_free);
  EXPECT_EQ(reports[0].address, small);
  EXPECT_EQ(reports[1].address, large);
  EXPECT_EQ(usable_bytes(small), 0U);
  ASSERT_TRUE(process_is_valid());
}

TEST_P(SharedHeaps, IsAHeapUntilItsEnd) {
  make();
  EXPECT_TRUE(SharedHeap::is_heap(heap_));
  EXPECT_FALSE(SharedHeap::is_heap(nullptr));
  EXPECT_FALSE(SharedHeap::is_heap(reinterpret_cast<const std::byte*>(heap_) + 64));
  EXPECT_FALSE(SharedHeap::is_heap(heap_->allocate(100)));
  EXPECT_FALSE(SharedHeap::is_heap(&process));
  SharedHeap* const destroyed = heap_;
  SharedHeap::destroy(std::exchange(heap_, nullptr));
  EXPECT_FALSE(SharedHeap::is_heap(destroyed));
}

// A thread's heap may come to lie where a destroyed shared one lay: no stale owner may make its frees local.
TEST_P(SharedHeaps, ItsPlaceIsReused) {
  make();
  for (int count = 0; count < 1000; ++count) (void)heap_->allocate(64);
  SharedHeap::destroy(heap_);
  heap_ = nullptr;
  std::vector<void*> blocks;
  std::thread thread([&] {
    for (int count = 0; count < 50'000; ++count) blocks.push_back(allocate(64));
    for (void* block : blocks) deallocate(block);
  });
  thread.join();
  ASSERT_TRUE(process_is_valid());
  EXPECT_TRUE(reports.empty());
}

TEST_P(SharedHeaps, TheLimitHolds) {
  constexpr std::uint64_t kLimit = std::uint64_t{4} << 20;
  SharedHeap& heap = make(kLimit);
  EXPECT_EQ(heap.allocate(kLimit + 1), nullptr);
  std::vector<void*> blocks;
  while (void* block = heap.allocate(1000)) blocks.push_back(block);
  EXPECT_GT(blocks.size(), kLimit / 1100);
  EXPECT_LE(heap.usage().held_bytes, kLimit);
  EXPECT_GT(heap.usage().held_bytes, kLimit - kSliceBytes);
  EXPECT_EQ(heap.usage().refused, 2U);
  EXPECT_EQ(heap.usage().limit_bytes, kLimit);
  EXPECT_EQ(heap.reallocate(blocks[0], kLimit), nullptr);
  ASSERT_TRUE(valid(heap));
  void* const of_process = allocate(1000);
  EXPECT_NE(of_process, nullptr) << "the limit is the heap's alone";
  deallocate(of_process);
  if (frees_blocks()) {
    for (void* block : blocks) heap.deallocate(block);
    // All of another size: nothing may stay tied to the first.
    std::size_t count = 0;
    while (heap.allocate(20'000) != nullptr) ++count;
    EXPECT_GE(count, kLimit / 24'000);
    EXPECT_EQ(heap.usage().held_bytes, kLimit);
    heap.reset();
    // All of it in one block, with the canary of the checked heap.
    EXPECT_NE(heap.allocate(kLimit - (bytes_to_take(kSliceBytes) - kSliceBytes)), nullptr);
  }
}

TEST_P(SharedHeaps, ALimitBelowASliceRefusesAll) {
  SharedHeap& heap = make(kSliceBytes - 1);
  EXPECT_EQ(heap.allocate(1), nullptr);
  EXPECT_EQ(heap.usage().held_bytes, 0U);
  ASSERT_TRUE(valid(heap));
}

TEST_P(SharedHeaps, ResetFreesAllAndGoesOn) {
  SharedHeap& heap = make();
  for (int round = 0; round < 5; ++round) {
    std::mt19937 random(static_cast<unsigned>(round));
    BlockLedger ledger;
    for (int count = 0; count < 2000; ++count) {
      const std::size_t bytes = any_size(random);
      ASSERT_TRUE(ledger.add(heap.allocate(bytes), bytes, static_cast<unsigned char>(count)));
    }
    ASSERT_TRUE(valid(heap));
    for (const auto& [address, entry] : std::map(ledger.blocks()))
      ASSERT_TRUE(ledger.remove(reinterpret_cast<const void*>(address)));  // NOLINT(performance-no-int-to-ptr)
    heap.reset();
    EXPECT_EQ(heap.usage().used_bytes, 0U);
    EXPECT_EQ(heap.usage().held_bytes, GetParam() == HeapStrategy::arena ? kSliceBytes : 0U);
    ASSERT_TRUE(valid(heap));
  }
  auto* const block = static_cast<unsigned char*>(heap.allocate_zeroed(60'000));
  EXPECT_TRUE(std::all_of(block, block + 60'000, [](unsigned char byte) { return byte == 0; }));
}

TEST_P(SharedHeaps, EveryAlignment) {
  SharedHeap& heap = make();
  for (std::size_t alignment = 1; alignment <= std::size_t{1} << 24; alignment *= 2) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{5000}, std::size_t{70'000}}) {
      void* const block = heap.allocate(bytes, alignment);
      ASSERT_NE(block, nullptr) << alignment;
      EXPECT_TRUE(is_aligned(block, std::max<std::size_t>(alignment, 8))) << bytes << " by " << alignment;
      std::memset(block, 1, bytes);
    }
  }
  ASSERT_TRUE(valid(heap));
}

TEST_P(SharedHeaps, TellsItsBlocksFromOthers) {
  SharedHeap& heap = make();
  SharedHeap* const other = SharedHeap::create({.name = "other", .strategy = HeapStrategy::best_fit});
  void* const ours = heap.allocate(100);
  void* const of_process = allocate(100);
  void* const of_other = other->allocate(100);
  int foreign = 0;
  EXPECT_TRUE(heap.owns(ours));
  for (void* block : {of_process, of_other, static_cast<void*>(&foreign), static_cast<void*>(nullptr)}) {
    EXPECT_FALSE(heap.owns(block));
    EXPECT_EQ(heap.usable_bytes(block), 0U);
    if (block == nullptr) continue;
    heap.deallocate(block);
    EXPECT_EQ(heap.reallocate(block, 10), nullptr);
  }
  EXPECT_EQ(reports.size(), 6U);
  EXPECT_EQ(reports.back().kind, Corruption::foreign_free);
  reports.clear();
  deallocate(of_process);
  other->deallocate(of_other);
  heap.deallocate(nullptr);
  EXPECT_TRUE(reports.empty());
  EXPECT_STREQ(heap.name(), "of the test");
  EXPECT_NE(heap.id(), other->id());
  SharedHeap::destroy(other);
}

TEST_P(SharedHeaps, WhatIsNoBlockIsReported) {
  SharedHeap& heap = make();
  auto* const block = static_cast<std::byte*>(heap.allocate(100));
  auto* const large = static_cast<std::byte*>(heap.allocate(300'000));
  const HeapUsage usage = heap.usage();
  for (std::byte* address : {block + 1, block + 16, large + 16}) {
    heap.deallocate(address);
    deallocate(address);
  }
  EXPECT_EQ(reports.size(), 6U);
  EXPECT_EQ(heap.usage().used_bytes, usage.used_bytes);
  ASSERT_TRUE(valid(heap));
}

// Where the build can tell: by marks, by records, and by the bit maps of granules always.
TEST_P(SharedHeaps, BlocksFreedTwiceAreReported) {
  SharedHeap& heap = make();
  const bool tells_small = GetParam() == HeapStrategy::best_fit || kMemoryChecks != MemoryChecks::none;
  if (!tells_small || GetParam() == HeapStrategy::arena) GTEST_SKIP() << "not noticed here";
  std::vector<void*> blocks;
  blocks.reserve(100);
  for (int count = 0; count < 100; ++count) blocks.push_back(heap.allocate(100));
  heap.deallocate(blocks[50]);
  const HeapUsage usage = heap.usage();
  heap.deallocate(blocks[50]);
  deallocate(blocks[50]);
  EXPECT_EQ(heap.reallocate(blocks[50], 200), nullptr);
  EXPECT_EQ(reports.size(), 3U);
  EXPECT_EQ(heap.usage().used_blocks, usage.used_blocks);
  EXPECT_EQ(heap.usage().used_bytes, usage.used_bytes);
  ASSERT_TRUE(valid(heap));
}

TEST_P(SharedHeaps, TheCheckedHeapFindsOverflows) {
  if (!kCheckedHeap) GTEST_SKIP() << "of the checked heap";
  SharedHeap& heap = make();
  std::vector<std::size_t> sizes = {70'000, 300'000};
  if (GetParam() == HeapStrategy::size_class) sizes.insert(sizes.end(), {1, 100, 5000, 65'530});
  for (const std::size_t bytes : sizes) {
    auto* block = static_cast<unsigned char*>(heap.allocate(bytes));
    EXPECT_EQ(heap.usable_bytes(block), bytes);
    block = static_cast<unsigned char*>(heap.reallocate(block, bytes + 10'000));
    EXPECT_EQ(heap.usable_bytes(block), bytes + 10'000);
    EXPECT_TRUE(reports.empty());
    block[bytes + 10'000] ^= 1;
    heap.deallocate(block);
    ASSERT_EQ(reports.size(), 1U) << bytes;
    EXPECT_EQ(reports[0].kind, Corruption::overflow);
    EXPECT_EQ(reports[0].damaged_offset, bytes + 10'000);
    reports.clear();
  }
  EXPECT_EQ(check_heap()->blocks, 0U);
  (void)heap.allocate(200'000);
  EXPECT_EQ(check_heap()->blocks, 1U);
  ASSERT_TRUE(valid(heap));
}

TEST_P(SharedHeaps, LargeBlocksGrowAndGoBackAtOnce) {
  SharedHeap& heap = make();
  auto* block = static_cast<unsigned char*>(heap.allocate(1 << 20));
  block[(1 << 20) - 1] = 7;
  void* const behind = heap.allocate(100'000);
  for (const std::size_t bytes : {2U << 20, 5U << 20, 1U << 20}) {
    block = static_cast<unsigned char*>(heap.reallocate(block, bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block[(1 << 20) - 1], 7);
    EXPECT_TRUE(heap.owns(block));
    ASSERT_TRUE(valid(heap));
  }
  heap.deallocate(behind);
  heap.deallocate(block);
  EXPECT_EQ(heap.usage().held_bytes, 0U);
  EXPECT_EQ(heap.usage().used_bytes, 0U);
}

// Ranked locks, and a thread that forks while others use heaps: the child finds every lock free.
TEST_P(SharedHeaps, LocksOfAllHeapsCanBeTakenTogether) {
  make();
  SharedHeap* const other = SharedHeap::create({.name = "other"});
  lock_process();
  EXPECT_FALSE(heap_->mutex().try_lock());
  EXPECT_FALSE(other->mutex().try_lock());
  unlock_process();
  EXPECT_NE(heap_->allocate(10), nullptr);
  EXPECT_NE(other->allocate(10), nullptr);
  SharedHeap::destroy(other);
}

TEST(BestFitHeap, TakesTheTightestHole) {
  SharedHeap* const heap = SharedHeap::create({.name = "holes", .strategy = HeapStrategy::best_fit});
  std::vector<void*> holes;
  // Holes of 640, 160 and 320 bytes, kept apart.
  for (const std::size_t bytes : {640U, 160U, 320U}) {
    holes.push_back(heap->allocate(bytes));
    ASSERT_NE(heap->allocate(16), nullptr);
  }
  // No room but in them.
  ASSERT_NE(heap->allocate(kSliceBytes - 640 - 160 - 320 - 48), nullptr);
  EXPECT_EQ(heap->usage().held_bytes, kSliceBytes);
  for (void* hole : holes) heap->deallocate(hole);
  EXPECT_EQ(heap->allocate(300), holes[2]);
  EXPECT_EQ(heap->allocate(150), holes[1]);
  EXPECT_EQ(heap->allocate(150), holes[0]);
  EXPECT_EQ(heap->usage().held_bytes, kSliceBytes);
  ASSERT_TRUE(valid(*heap));
  SharedHeap::destroy(heap);
}

// The fill that size classes cannot have: sizes just above a class.
TEST(BestFitHeap, IsDenserThanClasses) {
  std::array<std::uint64_t, 2> held{};
  for (const HeapStrategy strategy : {HeapStrategy::size_class, HeapStrategy::best_fit}) {
    SharedHeap* const heap = SharedHeap::create({.name = "dense", .strategy = strategy});
    for (int count = 0; count < 20'000; ++count) ASSERT_NE(heap->allocate(1040), nullptr);
    held[static_cast<std::size_t>(strategy)] = heap->usage().held_bytes;
    SharedHeap::destroy(heap);
  }
  EXPECT_LT(held[1] * 100, held[0] * 95);
}

TEST(BestFitHeap, GrowsInPlaceAndNoticesADoubleFree) {
  SharedHeap* const heap = SharedHeap::create({.name = "grow", .strategy = HeapStrategy::best_fit});
  void* const block = heap->allocate(100);
  EXPECT_EQ(heap->reallocate(block, 5000), block);
  EXPECT_EQ(heap->usable_bytes(block), 5008U);
  EXPECT_EQ(heap->reallocate(block, 20), block);
  EXPECT_EQ(heap->usage().used_bytes, 32U);
  reports.clear();
  set_corruption_hook(note_report);
  heap->deallocate(block);
  heap->deallocate(block);
  set_corruption_hook(nullptr);
  EXPECT_EQ(reports.size(), 1U);
  ASSERT_TRUE(valid(*heap));
  SharedHeap::destroy(heap);
}

TEST(ArenaHeap, PutsOneBlockBehindTheOther) {
  SharedHeap* const heap = SharedHeap::create({.name = "arena", .strategy = HeapStrategy::arena});
  auto* const first = static_cast<std::byte*>(heap->allocate(100));
  auto* const second = static_cast<std::byte*>(heap->allocate(20));
  EXPECT_EQ(second, first + 112);
  heap->deallocate(first);
  EXPECT_EQ(heap->usage().used_blocks, 2U) << "single blocks are not given back";
  EXPECT_EQ(heap->reallocate(second, 1000), second) << "the last block grows where it is";
  EXPECT_EQ(heap->allocate(16), second + 1008);
  EXPECT_NE(heap->reallocate(second, 2000), second);
  heap->reset();
  EXPECT_EQ(heap->allocate(100), first);
  ASSERT_TRUE(valid(*heap));
  SharedHeap::destroy(heap);
}

}  // namespace
}  // namespace strata::allocator
