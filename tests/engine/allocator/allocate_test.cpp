#include "engine/allocator/allocate.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "engine/allocator/corruption.h"
#include "tests/engine/allocator/fake_memory_calls.h"
#include "tests/engine/allocator/report_log.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::process_is_valid;

// What a block should hold follows from its address and a seed, so that it can be checked wherever it is freed.
struct Held {
  unsigned char* start = nullptr;
  std::size_t bytes = 0;
  unsigned char seed = 0;

  void fill() const {
    for (std::size_t at = 0; at < bytes; at += step()) start[at] = static_cast<unsigned char>(seed + at);
    if (bytes > 0) start[bytes - 1] = seed;
  }
  [[nodiscard]] bool intact(std::size_t upto) const {
    for (std::size_t at = 0; at < upto; at += step()) {
      if (at != bytes - 1 && start[at] != static_cast<unsigned char>(seed + at)) return false;
    }
    return upto < bytes || bytes == 0 || start[bytes - 1] == seed;
  }

 private:
  [[nodiscard]] std::size_t step() const { return bytes < 4096 ? 1 : 257; }
};

std::size_t any_size(std::mt19937& random) {
  switch (random() % 16) {
    case 0: return random() % (4U << 20);
    case 1: return random() % (256U << 10);
    case 2:
    case 3: return random() % (32U << 10);
    default: return random() % 1500;
  }
}

// All blocks in use, by address.
class ShadowMap {
 public:
  void add(const Held& held, std::size_t alignment) {
    const auto begin = reinterpret_cast<std::uintptr_t>(held.start);
    ASSERT_NE(held.start, nullptr);
    ASSERT_EQ(begin % alignment, 0U);
    ASSERT_GE(usable_bytes(held.start), held.bytes);
    const auto next = blocks_.lower_bound(begin);
    if (next != blocks_.end()) {
      ASSERT_LE(begin + held.bytes, next->first) << "overlaps the block after it";
    }
    if (next != blocks_.begin()) {
      ASSERT_LE(std::prev(next)->second, begin) << "overlaps the block before it";
    }
    blocks_[begin] = begin + held.bytes;
  }
  void remove(const Held& held) { blocks_.erase(reinterpret_cast<std::uintptr_t>(held.start)); }

 private:
  std::map<std::uintptr_t, std::uintptr_t> blocks_;
};

TEST(Allocate, RandomOperationsKeepBlocksApartAlignedAndIntact) {
  const test::ReportLog log;
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  std::vector<Held> live;
  ShadowMap shadow;
  for (int step = 0; step < 60'000; ++step) {
    if (step % 5'000 == 0) {
      ASSERT_TRUE(process_is_valid());
    }
    const unsigned action = random() % 8;
    if (live.size() < 200 || action < 3) {
      Held held{.bytes = any_size(random), .seed = static_cast<unsigned char>(random())};
      std::size_t alignment = held.bytes > 8 ? 16 : 8;
      if (random() % 8 == 0) {
        alignment = std::size_t{1} << (random() % 18);
        held.start = static_cast<unsigned char*>(allocate_aligned(alignment, held.bytes));
      } else if (random() % 8 == 0) {
        held.start = static_cast<unsigned char*>(allocate_zeroed(held.bytes));
        for (std::size_t at = 0; at < held.bytes; ++at) ASSERT_EQ(held.start[at], 0) << held.bytes << " bytes, at " << at;
      } else {
        held.start = static_cast<unsigned char*>(allocate(held.bytes));
      }
      shadow.add(held, alignment);
      if (HasFatalFailure()) return;
      held.fill();
      live.push_back(held);
      continue;
    }
    std::swap(live[random() % live.size()], live.back());
    Held& held = live.back();
    ASSERT_TRUE(held.intact(held.bytes));
    shadow.remove(held);
    if (action < 5) {
      const std::size_t bytes = any_size(random);
      auto* moved = static_cast<unsigned char*>(reallocate(held.start, bytes));
      held.start = moved;
      ASSERT_TRUE(held.intact(std::min(bytes, held.bytes == 0 ? 0 : held.bytes - 1)));
      held.bytes = bytes;
      shadow.add(held, bytes > 8 ? 16 : 8);
      if (HasFatalFailure()) return;
      held.fill();
    } else {
      deallocate(held.start);
      live.pop_back();
    }
  }
  for (const Held& held : live) {
    ASSERT_TRUE(held.intact(held.bytes));
    deallocate(held.start);
  }
  EXPECT_EQ(log.count(), 0U) << "nothing was wrong";
  ASSERT_TRUE(process_is_valid());
}

TEST(Allocate, BoundariesOfEveryClass) {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    for (const std::size_t bytes : {class_bytes(size_class) - 1, class_bytes(size_class), class_bytes(size_class) + 1}) {
      std::array<unsigned char*, 40> blocks{};
      for (auto& block : blocks) {
        block = static_cast<unsigned char*>(allocate(bytes));
        ASSERT_NE(block, nullptr);
        std::memset(block, 0x5A, bytes);
      }
      for (auto* block : blocks) {
        ASSERT_EQ(block[0], 0x5A);
        ASSERT_EQ(block[bytes - 1], 0x5A);
        deallocate(block);
      }
    }
  }
}

TEST(Allocate, EveryAlignment) {
  for (std::size_t alignment = 1; alignment <= std::size_t{1} << 30; alignment *= 2) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{5000}, std::size_t{70'000}}) {
      void* block = allocate_aligned(alignment, bytes);
      ASSERT_NE(block, nullptr) << alignment;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
      std::memset(block, 1, bytes);
      deallocate(block);
    }
  }
}

TEST(Allocate, TooMuchIsAnErrorValue) {
  EXPECT_EQ(allocate(~std::size_t{0} >> 1), nullptr);
  EXPECT_EQ(allocate_aligned(64, ~std::size_t{0} >> 1), nullptr);
  void* block = allocate(100'000);
  EXPECT_EQ(reallocate(block, ~std::size_t{0} >> 1), nullptr);
  deallocate(block);
}

TEST(Allocate, AGigabyteAndItsGrowth) {
  auto* block = static_cast<unsigned char*>(allocate(std::size_t{1} << 30));
  ASSERT_NE(block, nullptr);
  block[0] = 1;
  block[(std::size_t{1} << 30) - 1] = 2;
  void* behind = allocate(1 << 20);
  block = static_cast<unsigned char*>(reallocate(block, std::size_t{3} << 30));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block[0], 1);
  EXPECT_EQ(block[(std::size_t{1} << 30) - 1], 2);
  block[(std::size_t{3} << 30) - 1] = 3;
  deallocate(block);
  deallocate(behind);
}

std::vector<CorruptionReport> reports;

TEST(Allocate, MisuseIsReportedAndDoesNothing) {
  const CorruptionHook before = set_corruption_hook([](const CorruptionReport& report) { reports.push_back(report); });
  int here = 0;
  deallocate(&here);
  auto* large = static_cast<char*>(allocate(1 << 20));
  deallocate(large + (1 << 16));
  EXPECT_EQ(reallocate(&here, 10), nullptr);
  EXPECT_EQ(usable_bytes(&here), 0U);
  deallocate(nullptr);
  set_corruption_hook(before);
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].kind, Corruption::foreign_free);
  EXPECT_EQ(reports[0].address, &here);
  EXPECT_EQ(reports[1].kind, Corruption::invalid_free);
  deallocate(large);
}

TEST(Allocate, WhatFailsInTheSystemIsOutOfMemoryAndNothingElse) {
  static test::FakeMemoryCalls calls;
  process.calls = &calls;
  process.reserve_bytes = std::size_t{256} << 20;
  calls.fail_from(test::FakeMemoryCalls::reserve_call, 1);
  EXPECT_EQ(allocate(10), nullptr);
  EXPECT_EQ(allocate(1 << 20), nullptr);
  calls.let_all_succeed();
  void* kept = allocate(10);
  ASSERT_NE(kept, nullptr);
  calls.fail_from(test::FakeMemoryCalls::commit_call, 1);
  std::vector<void*> blocks;
  while (void* block = allocate(60'000)) blocks.push_back(block);
  EXPECT_EQ(allocate(1 << 20), nullptr);
  calls.let_all_succeed();
  for (void* block : blocks) deallocate(block);
  auto* grown = static_cast<char*>(allocate(2 << 20));
  ASSERT_NE(grown, nullptr);
  grown[(2 << 20) - 1] = 7;
  void* behind = allocate(100'000);
  calls.fail_from(test::FakeMemoryCalls::move_call, 1);
  grown = static_cast<char*>(reallocate(grown, 40 << 20));
  ASSERT_NE(grown, nullptr);
  EXPECT_EQ(grown[(2 << 20) - 1], 7) << "copied where pages can not be moved";
  EXPECT_GE(calls.made(test::FakeMemoryCalls::move_call), 1U);
  deallocate(grown);
  deallocate(behind);
  deallocate(kept);
  ASSERT_TRUE(process_is_valid());
}

// Each thread frees what its neighbour allocated; threads end and are followed by others.
TEST(AllocateThreads, CrossFreesAndThreadsThatEnd) {
  constexpr int kThreads = 32;
  constexpr int kGenerations = 4;
  constexpr std::size_t kSlots = 512;
  const test::ReportLog log;
  std::vector<std::array<std::atomic<Held*>, kSlots>> slots(kThreads);
  std::atomic<int> damaged = 0;
  for (int generation = 0; generation < kGenerations; ++generation) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int number = 0; number < kThreads; ++number) {
      threads.emplace_back([&, number] {
        std::mt19937 random(static_cast<unsigned>(generation * kThreads + number));
        for (int step = 0; step < 3000; ++step) {
          auto& theirs = slots[(static_cast<std::size_t>(number) + random() % 4) % kThreads];
          const std::size_t bytes = random() % 64 == 0 ? random() % 200'000 : random() % 2000;
          auto* held = static_cast<Held*>(allocate(sizeof(Held)));
          *held = {.start = static_cast<unsigned char*>(allocate(bytes)),
                   .bytes = bytes,
                   .seed = static_cast<unsigned char>(random())};
          held->fill();
          Held* old = theirs[random() % kSlots].exchange(held);
          if (old == nullptr) continue;
          if (!old->intact(old->bytes)) ++damaged;
          deallocate(old->start);
          deallocate(old);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(process_is_valid());
  }
  EXPECT_EQ(damaged, 0);
  EXPECT_GT(process.abandoned.claims(), 0U) << "no heap took up what ended threads had left";
  for (auto& of_thread : slots) {
    for (auto& slot : of_thread) {
      if (Held* held = slot.exchange(nullptr)) {
        EXPECT_TRUE(held->intact(held->bytes));
        deallocate(held->start);
        deallocate(held);
      }
    }
  }
  EXPECT_EQ(log.count(), 0U) << "nothing was wrong";
  ASSERT_TRUE(process_is_valid());
}

// Memory that sleeping threads allocated comes back when a thread that never allocates frees it.
TEST(AllocateThreads, AThreadThatOnlyFreesReturnsMemory) {
  constexpr std::size_t kBlocks = 400'000;
  std::vector<void*> blocks(kBlocks);
  std::atomic<bool> allocated = false;
  std::atomic<bool> freed = false;
  std::thread producer([&] {
    for (void*& block : blocks) block = allocate(64);
    allocated = true;
    allocated.notify_all();
    freed.wait(false);
  });
  allocated.wait(false);
  const std::uint64_t full = process.slices.statistics().in_use_bytes;
  process.slices.set_window(0);
  std::thread consumer([&] {
    for (void* block : blocks) deallocate(block);
    thread_is_idle();
    freed = true;
    freed.notify_all();
  });
  consumer.join();
  producer.join();
  EXPECT_GT(full, kBlocks * 64);
  EXPECT_LT(process.slices.statistics().in_use_bytes, full / 4);
  ASSERT_TRUE(process_is_valid());
}

// Others have emptied spans that were not full, so nothing told their owner: it finds them when it has nothing to do.
TEST(AllocateThreads, AnIdleThreadGivesBackWhatOthersFreed) {
  process.slices.set_window(0);
  constexpr std::size_t kBlocks = 100'000;
  std::vector<void*> blocks(kBlocks);
  for (void*& block : blocks) block = allocate(256);
  const std::uint64_t full = process.slices.statistics().in_use_bytes;
  // One block of each span comes back, so that none is full.
  for (std::size_t index = 0; index < kBlocks; index += 200) deallocate(std::exchange(blocks[index], nullptr));
  std::vector<void*> others(2000);
  for (void*& other : others) other = allocate(48);
  std::thread consumer([&] {
    for (void* block : blocks) deallocate(block);
    thread_is_idle();
  });
  consumer.join();
  for (int turn = 0; turn < 40; ++turn) thread_is_idle();
  EXPECT_LT(process.slices.statistics().in_use_bytes, full / 4);
  for (void* other : others) deallocate(other);
}

TEST(AllocateThreads, RemoteFreesCostAnAtomicABatch) {
  constexpr std::size_t kBlocks = 100'000;
  std::vector<void*> blocks(kBlocks);
  for (void*& block : blocks) block = allocate(64);
  HeapStatistics statistics;
  std::thread consumer([&] {
    for (void* block : blocks) deallocate(block);
    thread_is_idle();
    statistics = current_heap->statistics();
  });
  consumer.join();
  EXPECT_EQ(statistics.remote_blocks, kBlocks);
  EXPECT_LE(statistics.remote_batches, kBlocks / RemoteFrees::kBatchBlocks * 11 / 10);
  EXPECT_LE(statistics.remote_atomics, statistics.remote_batches * 11 / 10);
}

}  // namespace
}  // namespace strata::allocator
