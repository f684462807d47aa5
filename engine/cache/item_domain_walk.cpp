// Walks over a domain: its chunks one by one, what it holds, whether all of it is right.
#include "engine/cache/item_domain.h"

namespace strata::cache {

ItemChunk ItemDomain::chunk_of(std::uint32_t segment, Granule at) const noexcept {
  const std::uint64_t begin = segments_.offset_of(segment), offset = begin + std::uint64_t{at} * kGranuleBytes;
  const FreeRuns::Chunk chunk = FreeRuns::read(segments_.base() + offset);
  std::uint64_t bytes = std::uint64_t{chunk.size} * kGranuleBytes;
  if (bytes == 0) bytes = begin + segments_.large_bytes(segment) - offset;
  return {.offset = offset, .bytes = bytes, .kind = chunk.kind};
}

ItemDomain::Granule ItemDomain::behind(std::uint32_t segment, Granule at, const ItemChunk& chunk) const noexcept {
  if (segments_.is_large(segment) && chunk.kind != FreeRuns::Kind::free) return runs_.segment_granules();
  return at + static_cast<Granule>(chunk.bytes / kGranuleBytes);
}

ItemChunk ItemDomain::pass(Position& position) noexcept {
  const ItemChunk chunk = chunk_of(position.segment, position.at);
  position.at = behind(position.segment, position.at, chunk);
  leave_if_at_end(position);
  return chunk;
}

ItemDomainStatistics ItemDomain::statistics() const noexcept {
  const sync::MutexLock lock(mutex_);
  ItemDomainStatistics told = counted_;
  told.free_bytes = runs_.free_granules() * kGranuleBytes;
  told.hole_bytes = runs_.hole_granules() * kGranuleBytes;
  for (const ItemRun* run = open_runs_; run != nullptr; run = run->next_) {
    told.open_run_bytes += (std::uint64_t{run->left_.load(std::memory_order_relaxed)} + 1) * kGranuleBytes;
    told.allocations += run->cuts_.load(std::memory_order_relaxed);
  }
  return told;
}

// What was cut off those of a segment.
std::string ItemDomain::verify_open_runs(std::uint32_t segment, FreeRuns::Sums& found) const {
  for (const ItemRun* run = open_runs_; run != nullptr; run = run->next_) {
    if (segments_.segment_of(run->front_) != segment) continue;
    const Granule front = granule_of(run->front_);
    const FreeRuns::Chunk chunk = runs_.chunk(front);
    if (chunk.kind != FreeRuns::Kind::open_run || chunk.size != run->total_) return "a run that is not what its first word says";
    // Acquired: the thread has written the word of the last cut before.
    const Granule left = run->left_.load(std::memory_order_acquire);
    if (left == 0 || left >= run->total_) return "a run without a front";
    if (std::string wrong = runs_.verify_range(front + left, front + run->total_, found); !wrong.empty())
      return wrong + ", in an open run";
    --found.open_runs;
  }
  return {};
}

std::string ItemDomain::verify_mixed(std::uint32_t segment, FreeRuns::Sums& found) const {
  const std::uint64_t free_before = found.free + found.withheld;
  if (std::string wrong = runs_.verify_segment(segment_begin(segment), found); !wrong.empty()) return wrong;
  if (std::string wrong = verify_open_runs(segment, found); !wrong.empty()) return wrong;
  if (found.open_runs != 0) return "an open run that is nobody's";
  const std::uint64_t free = found.free + found.withheld - free_before, told = segments_.header(segment).free_granules;
  if (free != told)
    return "segment " + std::to_string(segment) + " has " + std::to_string(free) + " granules free, its header says " +
           std::to_string(told);
  return {};
}

std::string ItemDomain::verify(std::uint32_t& segments, std::uint64_t& large_bytes) const {
  const sync::MutexLock lock(mutex_);
  FreeRuns::Sums found;
  std::uint64_t granules = 0;
  std::uint32_t older = 0;
  for (std::uint32_t segment = oldest_; segment != 0; older = segment, segment = segments_.header(segment).newer) {
    const SegmentHeader& header = segments_.header(segment);
    if (header.older != older || header.domain != number_) return "segment " + std::to_string(segment) + " is out of order";
    if (header.state == SegmentState::large) {
      large_bytes += segments_.large_bytes(segment);
      continue;
    }
    if (header.state != SegmentState::mixed && header.state != SegmentState::draining)
      return "segment " + std::to_string(segment) + " is in use and says it is not";
    if (std::string wrong = verify_mixed(segment, found); !wrong.empty()) return wrong;
    granules += runs_.segment_granules();
    ++segments;
  }
  if (older != newest_) return "the newest segment is not the last";
  if (granules != granules_) return "the sum of the segments is wrong";
  return runs_.verify_bins(found);
}

}  // namespace strata::cache
