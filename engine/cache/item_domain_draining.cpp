// Emptying a segment whose items their users move: ItemMemory, "Draining".
#include "engine/cache/item_domain.h"

namespace strata::cache {

bool ItemDomain::has_open_run(std::uint32_t segment) const noexcept {
  for (const ItemRun* run = open_runs_; run != nullptr; run = run->next_) {
    if (segments_.segment_of(run->front_) == segment) return true;
  }
  return false;
}

std::uint32_t ItemDomain::emptiest(std::uint32_t now_s) const noexcept {
  std::uint32_t best = 0;
  for (std::uint32_t segment = oldest_; segment != 0; segment = segments_.header(segment).newer) {
    const SegmentHeader& header = segments_.header(segment);
    if (header.state != SegmentState::mixed || header.passed_over_until_s > now_s) continue;
    if (header.free_granules == runs_.segment_granules()) continue;  // given back without this
    if (best != 0 && header.free_granules <= segments_.header(best).free_granules) continue;
    if (!has_open_run(segment)) best = segment;
  }
  return best;
}

std::uint64_t ItemDomain::most_free_bytes(std::uint32_t now_s) const noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint32_t segment = emptiest(now_s);
  return segment == 0 ? 0 : segments_.header(segment).free_granules * kGranuleBytes;
}

std::uint64_t ItemDomain::begin_draining(std::uint64_t least_free_bytes, std::uint32_t now_s) noexcept {
  const sync::MutexLock lock(mutex_);
  if (runs_.is_withholding()) return 0;
  const std::uint32_t segment = emptiest(now_s);
  if (segment == 0) return 0;
  SegmentHeader& header = segments_.header(segment);
  const Granule used = runs_.segment_granules() - header.free_granules;
  if (header.free_granules * kGranuleBytes < least_free_bytes) return 0;
  header.state = SegmentState::draining;
  runs_.withhold(segment_begin(segment));
  drain_at_ = 0;
  is_draining_.store(true, std::memory_order_relaxed);
  return used * kGranuleBytes;
}

void ItemDomain::end_draining(std::uint32_t pass_over_until_s) noexcept {
  const sync::MutexLock lock(mutex_);
  if (!runs_.is_withholding()) return;
  SegmentHeader& header = segments_.header(segments_.segment_of(offset_of(runs_.withheld())));
  header.state = SegmentState::mixed;
  header.passed_over_until_s = pass_over_until_s;
  runs_.offer_again();
  is_draining_.store(false, std::memory_order_relaxed);
}

bool ItemDomain::reconsider(std::uint32_t now_s) noexcept {
  bool any = false;
  const sync::MutexLock lock(mutex_);
  for (std::uint32_t segment = oldest_; segment != 0; segment = segments_.header(segment).newer) {
    SegmentHeader& header = segments_.header(segment);
    if (header.state != SegmentState::mixed || header.passed_over_until_s <= now_s) continue;
    header.passed_over_until_s = 0;
    any = true;
  }
  return any;
}

}  // namespace strata::cache
