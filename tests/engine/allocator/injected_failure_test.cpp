// Each system call in turn fails, once: what the program gets is nullptr or a block, and the allocator stays whole. Every turn is a process
// of its own, for the allocator is one for the process.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/limits.h"
#include "engine/allocator/shared_heap.h"
#include "engine/allocator/statistics.h"
#include "engine/allocator/validity.h"
#include "tests/engine/allocator/fake_memory_calls.h"

namespace strata::allocator {
namespace {

// What a turn ends with.
enum Outcome : int { kFailureMet, kNoFailureLeft, kBlockDamaged, kInvalid, kUsable, kNotGivenBack };

test::FakeMemoryCalls calls;

// All blocks of a turn; filled, so that two that overlap are found.
class Blocks {
 public:
  void add(void* block, std::size_t bytes) {
    if (block == nullptr) return;
    ++mark_;
    std::memset(block, mark_, bytes);
    held_.push_back({.start = static_cast<unsigned char*>(block), .bytes = bytes, .mark = mark_});
  }
  void resize(std::size_t index, std::size_t bytes) {
    if (index >= held_.size()) return;
    Held& held = held_[index];
    const std::size_t kept = std::min(bytes, held.bytes);
    auto* const resized = static_cast<unsigned char*>(reallocate(held.start, bytes));
    if (resized == nullptr) return;
    held = {.start = resized, .bytes = kept, .mark = held.mark};
    check(held);
    held.bytes = bytes;
    std::memset(resized, held.mark, bytes);
  }
  void free_every(std::size_t step) {
    std::vector<Held> left;
    for (std::size_t index = 0; index < held_.size(); ++index) {
      check(held_[index]);
      if (index % step == 0) {
        deallocate(held_[index].start);
      } else {
        left.push_back(held_[index]);
      }
    }
    held_ = left;
  }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  struct Held {
    unsigned char* start;
    std::size_t bytes;
    unsigned char mark;
  };
  void check(const Held& held) {
    for (std::size_t at = 0; at < held.bytes; at += held.bytes < 4096 ? 1 : 509) sound_ = sound_ && held.start[at] == held.mark;
  }

  std::vector<Held> held_;
  unsigned char mark_ = 0;
  bool sound_ = true;
};

// Reserves, commits, purges, moves pages; of the process and of shared heaps.
void work(Blocks& blocks) {
  for (int round = 0; round < 3; ++round) {
    for (std::size_t count = 0; count < 60; ++count) blocks.add(allocate(16 + count * 300), 16 + count * 300);
    blocks.add(allocate_zeroed(2 << 20), 2 << 20);
    blocks.add(allocate_aligned(1 << 20, 300'000), 300'000);
    blocks.resize(60, std::size_t{9} << 20);
    blocks.resize(3, 200'000);
    blocks.free_every(2);
    purge_all();
    for (const HeapStrategy strategy : {HeapStrategy::size_class, HeapStrategy::best_fit, HeapStrategy::arena}) {
      SharedHeap* const heap = SharedHeap::create({.name = "turn", .strategy = strategy});
      if (heap == nullptr) continue;
      for (std::size_t count = 0; count < 300; ++count) {
        void* const block = heap->allocate(16 + count * 100);
        if (block != nullptr) std::memset(block, 1, 16 + count * 100);
        if (count % 3 == 0) heap->deallocate(block);
      }
      void* const large = heap->allocate(3 << 20);
      if (large != nullptr) (void)heap->reallocate(large, std::size_t{12} << 20);
      SharedHeap::destroy(heap);
    }
    blocks.free_every(3);
  }
}

int turn(std::uint64_t number) {
  process.calls = &calls;
  process.reserve_bytes = std::size_t{1} << 30;
  calls.fail_only(number);
  Blocks blocks;
  work(blocks);
  const bool met = calls.has_failed();
  calls.let_all_succeed();
  if (!is_process_valid()) return kInvalid;
  // It is as if nothing had been.
  work(blocks);
  blocks.free_every(1);
  if (!blocks.sound()) return kBlockDamaged;
  void* const block = allocate(100);
  if (block == nullptr) return kUsable;
  deallocate(block);
  purge_all();
  if (!is_process_valid()) return kInvalid;
  const AllocatorStatistics left = read_statistics();
  // Only records are left, and no page of what is free.
  const std::uint64_t records = left.metadata_bytes - left.held.map_bytes;
  if (left.used_blocks != 0 || left.held.dirty_free_bytes != 0 || left.held.in_use_bytes != records) return kNotGivenBack;
  return met ? kFailureMet : kNoFailureLeft;
}

int outcome_of_turn(std::uint64_t number) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(turn(number));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -status;
  return WEXITSTATUS(status);
}

TEST(InjectedFailure, EverySystemCallMayFail) {
  std::uint64_t number = 1;
  for (;; ++number) {
    const int outcome = outcome_of_turn(number);
    if (outcome == kNoFailureLeft) break;
    ASSERT_EQ(outcome, kFailureMet) << "when call " << number << " fails";
    ASSERT_LT(number, 1000U);
  }
  EXPECT_GT(number, 20U) << "calls that were made";
}

}  // namespace
}  // namespace strata::allocator
