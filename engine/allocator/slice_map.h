#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "engine/allocator/block_records.h"
#include "engine/allocator/slice_bits.h"
#include "engine/allocator/span.h"
#include "engine/os/region.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {

// The allocator's address space and, apart from it, what is known of each of its slices: 128 bytes for 64 KiB, 0.2 %, of which only what
// belongs to slices that were ever used is resident. From an address to its Span is a subtraction, a shift and an addition; an address
// that is not ours fails one comparison, so that foreign pointers are told apart safely.
// Thread safety: look-ups from any thread; reserve() once, before all of them; commit_through() under the slice allocator's lock.
class SliceMap {
 public:
  constexpr SliceMap() = default;

  // Reserves address space for `bytes`, or, if there is not so much, as large a power of two below it as there is, at least `least`.
  [[nodiscard]] std::errc reserve(os::MemoryCalls& calls, std::size_t bytes, std::size_t least) noexcept;
  // Address space back to the system. For tests: nothing may be in use.
  void release() noexcept;
  // Makes slices [0, slice] and their entries usable. Commits ahead, so that few calls are made.
  [[nodiscard]] std::errc commit_through(std::uint32_t slice) noexcept;

  [[nodiscard]] bool contains(const void* address) const noexcept { return offset_of(address) < bytes_; }
  // The entry of the slice an address lies in. REQUIRES: contains(address).
  [[nodiscard]] Span* entry_of(const void* address) const noexcept { return entries_ + (offset_of(address) >> kSliceShift); }
  [[nodiscard]] Span* entry(std::uint32_t slice) const noexcept { return entries_ + slice; }
  [[nodiscard]] std::uint32_t number_of(const Span& span) const noexcept { return static_cast<std::uint32_t>(&span - entries_); }
  // The span a slice of a span in use belongs to.
  [[nodiscard]] Span* first_of(Span* entry) const noexcept {
    return entry->use == SpanUse::tail ? entries_ + entry->first_slice : entry;
  }
  [[nodiscard]] std::byte* start_of(const Span& span) const noexcept {
    return base_ + (std::size_t{number_of(span)} << kSliceShift);
  }
  // The first slice from `slice` on whose address is a multiple of `alignment` slices (a power of two). May lie behind the end.
  [[nodiscard]] std::uint64_t align_up(std::uint32_t slice, std::uint32_t alignment) const noexcept {
    const std::uint64_t first = reinterpret_cast<std::uintptr_t>(base_) >> kSliceShift;
    return ((first + slice + alignment - 1) & ~(std::uint64_t{alignment} - 1)) - first;
  }
  [[nodiscard]] std::size_t offset_of(const void* address) const noexcept {
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_));
  }

  // Slices that may hold resident pages with old contents: a bit each. Changed under the slice allocator's lock; the bits of slices in
  // use do not change, so whoever uses them may read them.
  [[nodiscard]] SliceBits& dirty() noexcept { return dirty_; }

  [[nodiscard]] const BlockRecords& records() const noexcept { return records_; }

  [[nodiscard]] std::uint32_t slices() const noexcept { return static_cast<std::uint32_t>(bytes_ >> kSliceShift); }
  [[nodiscard]] std::uint32_t committed_slices() const noexcept { return committed_slices_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }
  [[nodiscard]] os::Region& memory() noexcept { return memory_; }

 private:
  [[nodiscard]] std::errc reserve_all(os::MemoryCalls& calls, std::size_t bytes) noexcept;
  [[nodiscard]] std::errc commit_to(std::uint32_t target) noexcept;

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  Span* entries_ = nullptr;
  sync::Atomic<std::uint32_t> committed_slices_ = 0;
  std::size_t committed_entry_bytes_ = 0;
  SliceBits dirty_;
  std::size_t page_bytes_ = 0;
  os::Region memory_;
  os::Region map_;
  os::Region bits_;
  BlockRecords records_;
};

}  // namespace strata::allocator
