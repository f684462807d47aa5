#pragma once

#include <cstdint>

#include "engine/allocator/free_ranges.h"
#include "engine/allocator/slice_map.h"
#include "engine/sync/atomic.h"
#include "engine/sync/mutex.h"

namespace strata::allocator {

struct SliceStatistics {
  std::uint64_t reserved_bytes = 0;    // address space
  std::uint64_t committed_bytes = 0;   // of it made usable
  std::uint64_t in_use_bytes = 0;      // slices of spans
  std::uint64_t dirty_free_bytes = 0;  // free slices whose pages are still resident
  std::uint64_t purged_bytes = 0;      // given back to the system since the start
  std::uint64_t purge_calls = 0;
  std::uint64_t purge_failures = 0;
  std::uint64_t metadata_bytes = 0;  // entries of the slice map that were ever used
  std::uint64_t limit_bytes = 0;     // as it was set; 0: none
  std::uint64_t refused = 0;         // requests that the limit refused
  std::uint32_t lock_contentions = 0;
};

// Hands out runs of slices and takes them back, joins what is free, and gives the pages of what stays free to the system.
//
// Decay: dirty free slices that were not needed during a whole window (the lowest number seen in it) go back by halves, a window
// after the other; so a program that takes and frees the same memory again and again makes no system calls, and one that is done
// with it has it back within seconds. Windows end when slices are freed, or by tick().
// Thread safety: all functions, from any thread. Nothing here allocates.
class SliceAllocator {
 public:
  constexpr SliceAllocator() = default;

  // Once, before anything else. REQUIRES: `map` is reserved and outlives this.
  void start(SliceMap& map) noexcept { map_ = &map; }

  // A span of `slices` whose address is a multiple of `alignment` slices (a power of two); `use` and, for tails, `first_slice` are
  // set, the other fields as for a new span. nullptr: no memory or over the limit.
  // `mark_tails`: whether later slices will be looked up.
  // `room`: if there is a free range so long, it lies at the front of it and can be extended to that later.
  [[nodiscard]] Span* allocate(std::uint32_t slices, std::uint32_t alignment, SpanUse use, bool mark_tails,
                               std::uint32_t room = 0) noexcept;
  // `touched`: whether its pages may be resident. They are not where they were moved away.
  void free(Span& span, bool touched = true) noexcept;
  // Makes the span longer where it lies. False: what follows is in use.
  [[nodiscard]] bool extend(Span& span, std::uint32_t slices) noexcept;
  // Gives the end of the span back. REQUIRES: 0 < slices <= span.slices
  void shorten(Span& span, std::uint32_t slices) noexcept;

  // Ends the window if its time is over. `now_ns`: of a clock that does not go back.
  void tick(std::uint64_t now_ns) noexcept;
  // Gives all dirty free slices back at once.
  void purge_all() noexcept;
  // Most bytes of slices in use and dirty; 0: no limit. What is above it already stays.
  void set_limit(std::uint64_t bytes) noexcept;
  [[nodiscard]] std::uint64_t limit_bytes() noexcept;
  // How many requests the limit refused.
  [[nodiscard]] std::uint64_t refused() noexcept;
  // How long unneeded slices stay dirty: the window of the decay.
  void set_window(std::uint64_t ns) noexcept { window_ns_.store(ns, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t window_ns() const noexcept { return window_ns_.load(std::memory_order_relaxed); }

  [[nodiscard]] SliceStatistics statistics() noexcept;
  [[nodiscard]] SliceStatistics statistics_locked() const noexcept STRATA_REQUIRES(mutex_);
  // Slices [0, frontier) were handed out at least once. For walks.
  [[nodiscard]] std::uint32_t frontier() noexcept;
  [[nodiscard]] std::uint32_t frontier_locked() const noexcept STRATA_REQUIRES(mutex_) { return frontier_; }

  // Held around fork(), so that the child finds nothing half done.
  [[nodiscard]] sync::Mutex& mutex() noexcept STRATA_RETURN_CAPABILITY(mutex_) { return mutex_; }

 private:
  static constexpr std::uint64_t kUsualWindowNs = 250'000'000;
  // Purging less than this at a time is not worth a call.
  static constexpr std::uint32_t kLeastPurgeSlices = 16;

  [[nodiscard]] bool within_limit(std::uint32_t more_slices) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Span* take_range(std::uint32_t slices, std::uint32_t alignment, std::uint32_t room) noexcept
      STRATA_REQUIRES(mutex_);
  [[nodiscard]] Span* take_from_frontier(std::uint32_t slices, std::uint32_t alignment) noexcept STRATA_REQUIRES(mutex_);
  void set_up(Span& span, std::uint32_t slices, SpanUse use, bool mark_tails) noexcept STRATA_REQUIRES(mutex_);
  void take_slices(std::uint32_t first, std::uint32_t end) noexcept STRATA_REQUIRES(mutex_);
  void release_slices(std::uint32_t first, std::uint32_t end, bool touched) noexcept STRATA_REQUIRES(mutex_);
  void file_joined(std::uint32_t first, std::uint32_t end) noexcept STRATA_REQUIRES(mutex_);
  std::uint32_t purge_range(Span& range, std::uint32_t most) noexcept STRATA_REQUIRES(mutex_);
  void purge(std::uint32_t slices) noexcept STRATA_REQUIRES(mutex_);

  sync::Mutex mutex_{sync::LockRank{.name = "slices", .order = 900}};
  SliceMap* map_ = nullptr;
  FreeRanges ranges_ STRATA_GUARDED_BY(mutex_);
  std::uint32_t frontier_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint32_t in_use_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint32_t dirty_free_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint32_t lowest_dirty_ STRATA_GUARDED_BY(mutex_) = 0;  // of the window
  std::uint32_t limit_ STRATA_GUARDED_BY(mutex_) = ~0U;
  std::uint64_t limit_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t refused_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t purged_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t purge_calls_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t purge_failures_ STRATA_GUARDED_BY(mutex_) = 0;
  sync::Atomic<std::uint64_t> window_ns_ = kUsualWindowNs;
  sync::Atomic<std::uint64_t> window_end_ns_ = 0;
};

}  // namespace strata::allocator
