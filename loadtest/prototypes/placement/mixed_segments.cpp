#include "loadtest/prototypes/placement/mixed_segments.h"

#include <algorithm>
#include <cstring>

namespace strata::placement {
namespace {

// Moved with one insertion: bounds what a request pays for others.
constexpr std::uint32_t kDrainBytesPerInsert = 16 << 10;
// Looked at by the hand for one insertion before it gives up for now.
constexpr int kHandSteps = 1 << 20;

}  // namespace

MixedSegments::MixedSegments(ItemTable& table, const Limits& limits, bool reuse)
    : Placement(table, limits),
      arena_(limits.reserved_bytes, limits.unit_bytes),
      runs_(arena_.base(), limits.unit_bytes, reuse),
      segments_(limits.reserved_bytes / limits.unit_bytes) {}

Place MixedSegments::place(Owner owner, std::uint32_t bytes) {
  const Granule count = FreeRuns::granules(std::max<std::uint32_t>(bytes, 8));
  counters_.inserted_bytes += bytes;
  credit_bytes_ = std::min(credit_bytes_ + bytes * limits_.copies_per_insert, 4.0 * limits_.unit_bytes);
  if (draining_ != kNone) drain(std::max(kDrainBytesPerInsert, 2 * bytes));
  const Granule at = find_room(count);
  if (at == kNone) return kNowhere;
  free_granules_ -= count;
  segments_[runs_.segment_of(at)].free -= count;
  owner_of(at) = owner;
  return at;
}

MixedSegments::Granule MixedSegments::find_room(Granule count) {
  for (;;) {
    const Granule at = runs_.take(count);
    if (at != kNone) return at;
    if (draining_ == kNone && worth_draining()) start_draining();
    if (may_open()) {
      open_segment();
    } else if (!evict(count)) {
      return kNone;
    }
  }
}

// One segment below the limit is kept for what draining moves.
bool MixedSegments::may_open() const {
  const std::uint64_t spare = draining_ == kNone ? 2 : 1;
  return limits_.resident_bytes == 0 || arena_.bytes_in_use() + spare * arena_.segment_bytes() <= limits_.resident_bytes;
}

void MixedSegments::open_segment() {
  const std::uint32_t segment = arena_.take();
  // Just behind the hand: the last that it comes to.
  const std::uint32_t newer = hand_ == kNone ? kNone : runs_.segment_of(hand_);
  const std::uint32_t older = newer == kNone ? newest_ : segments_[newer].older;
  segments_[segment] = {runs_.segment_granules(), older, newer};
  (older == kNone ? oldest_ : segments_[older].newer) = segment;
  (newer == kNone ? newest_ : segments_[newer].older) = segment;
  filling_ = segment;
  free_granules_ += runs_.segment_granules();
  runs_.add_segment(segment);
}

void MixedSegments::close_segment(std::uint32_t segment) {
  Segment& closed = segments_[segment];
  if (hand_ != kNone && runs_.segment_of(hand_) == segment) {
    hand_ = closed.newer == kNone ? kNone : runs_.segment_begin(closed.newer);
  }
  (closed.older == kNone ? oldest_ : segments_[closed.older].newer) = closed.newer;
  (closed.newer == kNone ? newest_ : segments_[closed.newer].older) = closed.older;
  if (filling_ == segment) filling_ = kNone;
  free_granules_ -= closed.free;
  arena_.give_back(segment);
}

void MixedSegments::release(Place place) { free_chunk(static_cast<Granule>(place)); }

FreeRuns::Run MixedSegments::free_chunk(Granule at) {
  const std::uint32_t segment = runs_.segment_of(at);
  const Granule count = runs_.size(at);
  free_granules_ += count;
  segments_[segment].free += count;
  const FreeRuns::Run run = runs_.release(at, segment != draining_);
  // What the hand and the draining stand on may have become part of a free run.
  const Granule end = run.begin + run.size;
  if (hand_ != kNone && hand_ >= run.begin && hand_ < end) put_hand(segment, end);
  if (draining_ == segment && drain_at_ >= run.begin && drain_at_ < end) drain_at_ = end;
  return run;
}

// At a chunk of the segment or, if that is its end, at the beginning of the next newer one.
void MixedSegments::put_hand(std::uint32_t segment, Granule at) {
  hand_ = at;
  if (at != runs_.segment_begin(segment) + runs_.segment_granules()) return;
  const std::uint32_t newer = segments_[segment].newer;
  hand_ = newer == kNone ? kNone : runs_.segment_begin(newer);
}

bool MixedSegments::worth_draining() const {
  // The search is over all segments: not again before as much was inserted as a part of a segment.
  if (counters_.inserted_bytes - looked_at_ < arena_.segment_bytes() / 4) return false;
  const double granules = static_cast<double>(arena_.bytes_in_use()) / FreeRuns::kGranuleBytes;
  return static_cast<double>(free_granules_) > 0.02 * granules + runs_.segment_granules();
}

std::uint32_t MixedSegments::emptiest() const {
  std::uint32_t best = kNone;
  for (std::uint32_t segment = oldest_; segment != kNone; segment = segments_[segment].newer) {
    if (segment != filling_ && (best == kNone || segments_[segment].free > segments_[best].free)) best = segment;
  }
  return best;
}

void MixedSegments::start_draining() {
  looked_at_ = counters_.inserted_bytes;
  const std::uint32_t segment = emptiest();
  if (segment == kNone) return;
  const Granule free = segments_[segment].free;
  const double live_bytes = static_cast<double>(runs_.segment_granules() - free) * FreeRuns::kGranuleBytes;
  if (free < limits_.least_free_share * runs_.segment_granules() || live_bytes > credit_bytes_) return;
  draining_ = segment;
  drain_at_ = runs_.segment_begin(segment);
  runs_.withdraw(segment);
}

void MixedSegments::drain(std::uint32_t budget_bytes) {
  const Granule end = runs_.segment_begin(draining_) + runs_.segment_granules();
  std::uint64_t moved = 0;
  while (drain_at_ < end && moved < budget_bytes) {
    const Granule at = drain_at_;
    drain_at_ += runs_.size(at);
    if (runs_.is_free(at)) continue;
    moved += std::uint64_t{runs_.size(at)} * FreeRuns::kGranuleBytes;
    if (!move(at)) {  // no room elsewhere: the segment stays
      runs_.offer_again(draining_);
      draining_ = kNone;
      return;
    }
  }
  if (drain_at_ < end) return;
  const std::uint32_t segment = draining_;
  draining_ = kNone;
  ++counters_.drained;
  close_segment(segment);
}

bool MixedSegments::move(Granule from) {
  const Granule count = runs_.size(from);
  Granule to = runs_.take(count);
  if (to == kNone) {
    if (!may_open()) return false;
    open_segment();
    to = runs_.take(count);
  }
  free_granules_ -= count;
  segments_[runs_.segment_of(to)].free -= count;
  const std::uint64_t bytes = std::uint64_t{count} * FreeRuns::kGranuleBytes;
  std::memcpy(runs_.address(to + 1), runs_.address(from + 1), bytes - FreeRuns::kGranuleBytes);
  table_.entries[owner_of(from)].place = to;
  counters_.copied_bytes += bytes;
  credit_bytes_ -= static_cast<double>(bytes);
  free_chunk(from);
  return true;
}

// Lets the hand go on until it has made a run that is large enough.
bool MixedSegments::evict(Granule count) {
  for (int step = 0; step < kHandSteps; ++step) {
    if (hand_ == kNone) hand_ = runs_.segment_begin(oldest_);
    const Granule at = hand_;
    const std::uint32_t segment = runs_.segment_of(at);
    put_hand(segment, at + runs_.size(at));
    if (runs_.is_free(at)) continue;
    Entry& entry = table_.entries[owner_of(at)];
    if (entry.place != at) continue;  // it is being placed
    if (entry.hit) {
      entry.hit = false;
      continue;
    }
    ++counters_.evicted_items;
    table_.evict(owner_of(at));
    if (free_chunk(at).size >= count && segment != draining_) return true;
  }
  return false;
}

}  // namespace strata::placement
