#pragma once

#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "loadtest/allocator/block.h"

namespace strata::loadtest::allocator {

// Waits for another thread: a few rounds on the processor, then it leaves the processor to others.
class Patience {
 public:
  void wait() noexcept {
    if (++rounds_ < kRoundsOnProcessor) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    } else {
      sched_yield();
    }
  }

 private:
  static constexpr int kRoundsOnProcessor = 64;
  int rounds_ = 0;
};

// Passes blocks from one thread to one other, in order, without allocating. Either end may move to another thread when the
// first one has ended. Each side keeps a copy of the other's position and looks again only when the copy says stop.
template <std::size_t kCapacity>
class BlockRing {
 public:
  bool try_push(const Block& block) noexcept {
    const std::size_t at = written_.load(std::memory_order_relaxed);
    if (at - reader_seen_ == kCapacity) {
      reader_seen_ = read_.load(std::memory_order_acquire);
      if (at - reader_seen_ == kCapacity) return false;
    }
    slots_[at % kCapacity] = block;
    written_.store(at + 1, std::memory_order_release);
    return true;
  }

  bool try_pop(Block& block) noexcept {
    const std::size_t at = read_.load(std::memory_order_relaxed);
    if (at == writer_seen_) {
      writer_seen_ = written_.load(std::memory_order_acquire);
      if (at == writer_seen_) return false;
    }
    block = slots_[at % kCapacity];
    read_.store(at + 1, std::memory_order_release);
    return true;
  }

  void push(const Block& block) noexcept {
    for (Patience patience; !try_push(block);) patience.wait();
  }

  Block pop() noexcept {
    Block block;
    for (Patience patience; !try_pop(block);) patience.wait();
    return block;
  }

 private:
  // Two lines each: processors fetch lines in pairs.
  alignas(128) std::atomic<std::size_t> written_ = 0;
  std::size_t reader_seen_ = 0;
  alignas(128) std::atomic<std::size_t> read_ = 0;
  std::size_t writer_seen_ = 0;
  alignas(128) std::array<Block, kCapacity> slots_;
};

}  // namespace strata::loadtest::allocator
