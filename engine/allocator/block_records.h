#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "engine/allocator/memory_checks.h"
#include "engine/allocator/span.h"
#include "engine/os/region.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {

// What the checked heap knows of a block: whether it is in use and how many bytes were asked for. One word, so that of two threads
// that free a block at once one succeeds.
class BlockRecord {
 public:
  enum class State : std::uint32_t { unused, in_use, freed, freed_large };

  constexpr BlockRecord() = default;
  constexpr BlockRecord(State state, std::size_t requested_bytes) noexcept
      : bits_(static_cast<std::uint32_t>(state) | (static_cast<std::uint32_t>(requested_bytes) << kStateBits)) {}

  [[nodiscard]] constexpr State state() const noexcept { return static_cast<State>(bits_ & ((1U << kStateBits) - 1)); }
  // Of blocks of a class; large ones have it in their span.
  [[nodiscard]] constexpr std::size_t requested_bytes() const noexcept { return bits_ >> kStateBits; }

 private:
  static constexpr unsigned kStateBits = 2;
  std::uint32_t bits_ = 0;
};
static_assert(sync::Atomic<BlockRecord>::is_always_lock_free);

// The records of all blocks of the checked heap, apart from the blocks: an array for each slice, found by arithmetic, of which only what
// belongs to blocks that were ever made is resident. A large block has one, its first slice's first. Other builds reserve nothing.
// Thread safety: as SliceMap, of which this is a part.
class BlockRecords {
 public:
  // The checked heap has no smaller ones.
  static constexpr std::size_t kLeastBlockBytes = 16;
  static constexpr std::size_t kRecordsPerSlice = kSliceBytes / kLeastBlockBytes;
  static constexpr std::size_t kBytesPerSlice = kRecordsPerSlice * sizeof(BlockRecord);

  constexpr BlockRecords() = default;

  [[nodiscard]] std::errc reserve([[maybe_unused]] os::MemoryCalls& calls, [[maybe_unused]] std::size_t slices) noexcept {
    if constexpr (!kCheckedHeap) return {};
    return region_.reserve_anonymous(calls, slices * kBytesPerSlice, kSliceBytes);
  }
  void release() noexcept {
    region_.release();
    committed_slices_ = 0;
  }
  // Makes the records of slices [0, slices) usable.
  [[nodiscard]] std::errc commit_to([[maybe_unused]] std::uint32_t slices) noexcept {
    if constexpr (!kCheckedHeap) return {};
    if (slices <= committed_slices_) return {};
    const std::size_t from = committed_slices_ * kBytesPerSlice;
    const std::errc failure = region_.commit(from, slices * kBytesPerSlice - from);
    if (failure == std::errc{}) committed_slices_ = slices;
    return failure;
  }

  // Of the span that begins with the slice: a record for each block.
  [[nodiscard]] sync::Atomic<BlockRecord>* of(std::uint32_t slice) const noexcept {
    return reinterpret_cast<sync::Atomic<BlockRecord>*>(region_.base() + slice * kBytesPerSlice);
  }

 private:
  os::Region region_;
  std::size_t committed_slices_ = 0;
};

}  // namespace strata::allocator
