#pragma once

#include <atomic>
#include <cstdint>

#include "engine/cache/key.h"

// What the engine keeps about a segment, out of line: a sweep over all of them touches only these lines.
namespace strata::cache {

enum class SegmentState : std::uint8_t {
  unused,    // holds no memory
  mixed,     // items of all sizes, free runs between them
  draining,  // what is left in it is being moved; its free runs are not handed out
  large,     // the first of a run of segments that one large item has for itself; the others' headers are not used
};

// One cache line. Guarded by the lock of its domain, but for earliest_expiry() and for what the segments' own lock guards: the order of segments that are unused,
// free_segments, and run_segments and purged_pages as long as the segment is unused. Granules are of kGranuleBytes.
struct alignas(64) SegmentHeader {
  std::uint32_t free_granules = 0;
  std::uint32_t retired_granules = 0;  // free once every reader has passed a quiescent point
  std::uint32_t older = 0, newer = 0;  // the order that the hand follows; 0: none
  std::int64_t earliest_expiry_ms = kNoExpiry;  // see earliest_expiry()
  std::uint32_t passed_over_until_s = 0;  // seconds since 1970: could not be emptied, so others are tried
  std::uint32_t items = 0;
  std::uint32_t pins = 0;          // of a large item that is being sent
  std::uint32_t opened_s = 0;      // seconds since 1970
  std::uint32_t run_segments = 0;  // of a large item: how many are its own
  std::uint16_t domain = 0;
  SegmentState state = SegmentState::unused;
  std::uint8_t main_queue = 0;
  std::uint32_t purged_pages = 0;   // of it that hold no memory
  std::uint32_t free_segments = 0;  // the first of so many that are addresses for large items and free; else 0
  std::int64_t no_walk_before_ms = 0;  // since 1970: the walk for what has expired leaves it alone

  // In milliseconds since 1970: nothing in it expires before. Whoever gives an item an expiry lowers it; the walk that begins sets it to
  // kNoExpiry, and at its end lowers it to what is left. Each with an order of its own among all that is done to it: see ItemMemory, "Expiry".
  [[nodiscard]] std::atomic_ref<std::int64_t> earliest_expiry() noexcept { return std::atomic_ref(earliest_expiry_ms); }
  void lower_earliest_expiry(std::int64_t expiry_ms) noexcept {
    std::int64_t known = earliest_expiry().load();
    while (expiry_ms < known && !earliest_expiry().compare_exchange_weak(known, expiry_ms)) {
    }
  }
};
static_assert(sizeof(SegmentHeader) == 64);

}  // namespace strata::cache
