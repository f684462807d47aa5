#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/span.h"

namespace strata::allocator {

class Heap;

// Blocks that a thread freed but another heap (or none) owns: collected by span and delivered by one atomic a batch. What waits here is
// bounded by kMostPendingBytes a thread and delivered when that is reached, when another span needs the place, when the thread
// says that it is idle, and when it ends.
class RemoteFrees {
 public:
  constexpr RemoteFrees() = default;

  // `heap`: the one this belongs to.
  void put(Heap& heap, Span& span, void* address) noexcept;
  // Of a recycled span: these are freed some at a time, under one lock, and nothing is written to the block.
  void put_recycled(Heap& heap, void* address) noexcept;
  void deliver_all(Heap& heap) noexcept;

  static constexpr std::size_t kMostPendingBytes = std::size_t{64} << 10;
  static constexpr std::uint32_t kBatchBlocks = 32;
  static constexpr std::uint32_t kMostRecycled = 16;  // of 8 KiB at most

 private:
  struct Batch {
    Span* span = nullptr;
    Block* first = nullptr;
    Block* last = nullptr;
    std::uint32_t count = 0;
  };
  static constexpr std::size_t kBatches = 64;

  void deliver(Heap& heap, Batch& batch) noexcept;
  void deliver_recycled(Heap& heap) noexcept;
  static void act_after(Heap& heap, Span& span, SharedWord before, SharedWord after, Heap* home, std::uint32_t capacity) noexcept;

  std::array<Batch, kBatches> batches_{};
  std::size_t pending_bytes_ = 0;
  std::array<void*, kMostRecycled> recycled_{};
  std::uint32_t recycled_count_ = 0;
};

}  // namespace strata::allocator
