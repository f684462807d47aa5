#pragma once

#include <vector>

#include "loadtest/prototypes/placement/arena.h"
#include "loadtest/prototypes/placement/free_runs.h"
#include "loadtest/prototypes/placement/placement.h"

namespace strata::placement {

// Candidate (a): items of all sizes side by side in segments, appended; free runs used again by size; under a limit a hand goes round
// the segments in the order they were opened and evicts what was not hit since it passed last; segments of which much is free are
// drained: what is left is moved into free runs elsewhere, a little with every insertion.
//
// With `reuse` off it is a log: free runs are only won back by draining.
class MixedSegments : public Placement {
 public:
  MixedSegments(ItemTable& table, const Limits& limits, bool reuse);

  Place place(Owner owner, std::uint32_t bytes) override;
  void release(Place place) override;
  std::byte* address(Place place) override { return runs_.address(static_cast<FreeRuns::Granule>(place)); }
  std::uint64_t resident_bytes() const override { return arena_.bytes_in_use(); }
  std::uint64_t metadata_bytes() const override { return arena_.segments_in_use() * sizeof(Segment); }

 private:
  using Granule = FreeRuns::Granule;
  static constexpr Granule kNone = FreeRuns::kNone;

  struct Segment {
    Granule free = 0;
    std::uint32_t older = kNone, newer = kNone;  // the order the hand follows
  };

  Granule find_room(Granule count);
  bool may_open() const;
  void open_segment();
  void close_segment(std::uint32_t segment);
  bool worth_draining() const;
  std::uint32_t emptiest() const;
  void start_draining();
  void drain(std::uint32_t budget_bytes);
  bool move(Granule from);
  bool evict(Granule count);
  FreeRuns::Run free_chunk(Granule at);
  void put_hand(std::uint32_t segment, Granule at);
  Owner& owner_of(Granule at) { return *reinterpret_cast<Owner*>(runs_.address(at + 1)); }

  Arena arena_;
  FreeRuns runs_;
  std::vector<Segment> segments_;
  std::uint32_t oldest_ = kNone, newest_ = kNone;
  std::uint32_t filling_ = kNone;    // opened last
  std::uint64_t free_granules_ = 0;  // in all segments in use
  Granule hand_ = kNone;             // the next chunk it looks at
  std::uint32_t draining_ = kNone;
  Granule drain_at_ = 0;
  std::uint64_t looked_at_ = 0;  // inserted bytes when a segment worth draining was looked for last
  double credit_bytes_ = 0;
};

}  // namespace strata::placement
