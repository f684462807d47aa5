#pragma once

#include <cstdint>

// What the engine keeps about a segment, out of line: a sweep over all of them touches only these lines.
namespace strata::cache {

enum class SegmentState : std::uint8_t {
  unused,    // holds no memory
  mixed,     // items of all sizes, free runs between them
  draining,  // what is left in it is being moved; its free runs are not handed out
  large,     // the first of a run of segments that one large item has for itself; the others' headers are not used
};

// One cache line. Guarded by the lock of its domain, but for what the segments' own lock guards: the order of segments that are unused,
// free_segments, and run_segments and purged_pages as long as the segment is unused. Granules are of kGranuleBytes.
struct alignas(64) SegmentHeader {
  std::uint32_t free_granules = 0;
  std::uint32_t retired_granules = 0;  // free once every reader has passed a quiescent point
  std::uint32_t older = 0, newer = 0;  // the order that the hand follows; 0: none
  std::uint32_t earliest_expiry = 0;   // seconds since 1970, of the items in it; 0: none expires
  std::uint32_t latest_expiry = 0;
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
  std::uint32_t reserved[2] = {};
};
static_assert(sizeof(SegmentHeader) == 64);

}  // namespace strata::cache
