#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/shared_heap.h"
#include "engine/allocator/size_class.h"

// What the allocator holds and what for, found out by a walk over the slice map: no counter is kept for it on the way of a block.
//
// Exact: everything about slices, large blocks and shared heaps; blocks of spans that belong to the calling thread, to nobody or to
// ended threads. What may lag: blocks that other running threads have at hand (at_hand.h), or have freed for others and not delivered
// yet (remote_frees.h), count as used; of their spans the counters are read while they change. A thread that called thread_is_idle()
// lags by what it has at hand only. Cumulative counters are of whole batches.
//
// Costs a look at each slice ever used (128 bytes for 64 KiB) while the allocator's locks are held: about 10 ms for 10 GB. Allocates
// nothing. Not to be called from a walk's visitor. Thread safety: all functions, from any thread.
namespace strata::allocator {

inline constexpr std::size_t kOccupancyBins = 8;

// The spans of one size class: of all heaps, but for those recycled for other sizes.
struct ClassUsage {
  std::uint32_t block_bytes = 0;
  std::uint32_t spans = 0;
  std::uint64_t capacity = 0;  // blocks
  std::uint64_t carved = 0;    // of them made so far
  std::uint64_t used = 0;      // of them handed out
  // Spans by the share of their capacity that is not free, blocks at hand included: [0, 1/8), ... [7/8, 1].
  std::array<std::uint32_t, kOccupancyBins> occupancy{};
  std::uint32_t recoverable_spans = 0;  // which could go if the blocks in use were moved together
};

// What the allocator holds of the system, from counters: no walk, for callers that ask often.
struct HeldMemory {
  std::uint64_t reserved_bytes = 0;    // address space
  std::uint64_t committed_bytes = 0;   // of it made usable
  std::uint64_t in_use_bytes = 0;      // slices of spans, records included
  std::uint64_t dirty_free_bytes = 0;  // free slices whose pages are still resident
  std::uint64_t purged_in_use_bytes =
      0;                           // pages in holes of recycled spans that were given back: of in_use_bytes, but not resident
  std::uint64_t purged_bytes = 0;  // given back to the system since the start
  std::uint64_t purge_calls = 0;
  std::uint64_t purge_failures = 0;
  std::uint64_t map_bytes = 0;    // the slice map, beside the slices
  std::uint64_t limit_bytes = 0;  // 0: none
  std::uint64_t refused = 0;      // requests for slices that the limit refused

  // No more than that is resident for the allocator; less where blocks were never touched.
  [[nodiscard]] std::uint64_t resident_at_most() const noexcept {
    return in_use_bytes + dirty_free_bytes - purged_in_use_bytes + map_bytes;
  }
};

struct AllocatorStatistics {
  HeldMemory held;
  std::uint64_t metadata_bytes = 0;  // the slice map, and slices with the allocator's own records (these are in use, too)

  std::uint64_t used_bytes = 0;   // of blocks handed out, as they were rounded; large ones to whole pages
  std::uint64_t used_blocks = 0;  // large ones included
  // The share of the slices in use, the allocator's records left out, that holds no block handed out. 0 if there are none.
  double fragmentation = 0;

  std::uint64_t large_blocks = 0;
  std::uint64_t large_bytes = 0;            // of their slices
  std::uint64_t large_requested_bytes = 0;  // what was asked for

  std::uint64_t recycled_spans = 0;  // cut up for several sizes: recycled_spans.h
  std::uint64_t recycled_used_bytes = 0;
  std::uint64_t granule_spans = 0;  // of shared heaps by best fit, and of arenas
  std::uint64_t granule_used_bytes = 0;

  // Since the start, of all heaps, ended ones included; by the batches in which heaps take blocks from spans and give them back.
  std::uint64_t blocks_taken = 0;
  std::uint64_t bytes_taken = 0;
  std::uint64_t blocks_returned = 0;
  std::uint64_t bytes_returned = 0;
  std::uint64_t refills = 0;

  std::uint32_t threads = 0;       // that have a heap now
  std::uint32_t thread_heaps = 0;  // ever made; those of ended threads wait for new ones
  std::uint32_t shared_heaps = 0;
  std::array<ClassUsage, kSizeClasses> classes{};
};

[[nodiscard]] AllocatorStatistics read_statistics() noexcept;
// Two locks, held for a few loads.
[[nodiscard]] HeldMemory read_held_memory() noexcept;

// A heap of a thread, or a shared one.
struct HeapDescription {
  std::uint64_t id = 0;  // of thread heaps from 0, of shared heaps unique among them; both stay as long as the heap
  bool is_shared = false;
  bool is_in_use = false;  // by a thread now; shared ones are always
  HeapStrategy strategy = HeapStrategy::size_class;
  std::array<char, SharedHeap::kNameBytes> name{};  // "" of thread heaps
  std::uint64_t spans = 0;
  std::uint64_t held_bytes = 0;   // of its spans' slices. Large blocks and recycled spans are of no thread's heap
  std::uint64_t used_bytes = 0;   // of blocks not free in them, as read_statistics() counts them
  std::uint64_t limit_bytes = 0;  // 0: none
};

// Describes all heaps, thread heaps first, at most `most` of them, into `heaps`. Returns how many there are.
[[nodiscard]] std::size_t read_heaps(HeapDescription* heaps, std::size_t most) noexcept;

}  // namespace strata::allocator
