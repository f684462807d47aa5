// The walk for what has expired: ItemMemory, "Expiry".
#include <algorithm>

#include "engine/cache/item_domain.h"

namespace strata::cache {
namespace {

// With the lock held; a line of each may not be in any cache.
constexpr std::size_t kHeadersPerHold = 64;
// What was not sure at the time has been stored since, or given up.
constexpr std::int64_t kSureAfterMs = 1000;

}  // namespace

bool ItemDomain::find_expired(std::int64_t now_ms) noexcept {
  std::uint32_t& segment = walk_.position.segment;
  if (segment == 0) segment = oldest_;
  for (std::size_t looked = 0; segment != 0 && looked < kHeadersPerHold; ++looked) {
    SegmentHeader& header = segments_.header(segment);
    if (header.no_walk_before_ms <= now_ms && header.earliest_expiry().load(std::memory_order_relaxed) <= now_ms) {
      // From here on who gives an item an expiry that this walk does not see tells the next one.
      header.earliest_expiry().store(kNoExpiry);
      walk_ = {.position = {.segment = segment}, .is_in_segment = true, .is_unsure = false, .tally = ExpiryTally(now_ms)};
      ++counted_.expiry_walks;
      return true;
    }
    segment = header.newer;
  }
  return false;
}

void ItemDomain::end_walk() noexcept {
  SegmentHeader& header = segments_.header(walk_.position.segment);
  // What is cut off or completed while this goes on, and has lowered the earliest expiry before that was reset, was not seen for certain.
  if (walk_.is_unsure) walk_.tally.look_again_at(walk_.tally.now_ms() + kSureAfterMs);
  header.lower_earliest_expiry(walk_.tally.earliest_ms());
  header.no_walk_before_ms = walk_.tally.worthwhile_ms();
  walk_.position = {.segment = header.newer};
  walk_.is_in_segment = false;
}

bool ItemDomain::knows_of_expiry(std::uint32_t segment, std::int64_t expiry_ms) const {
  const sync::MutexLock lock(mutex_);
  if (walk_.is_in_segment && walk_.position.segment == segment) return true;
  // The clock of the last walk may be behind that of another, which has put off what it was not sure of.
  const std::int64_t later = walk_.tally.now_ms() + 2 * kSureAfterMs;
  return segments_.header(segment).earliest_expiry().load() <= std::max(expiry_ms, later);
}

ItemDomain::Granule ItemDomain::not_cut_off(std::uint64_t front) const noexcept {
  const ItemRun* run = open_runs_;
  while (run->front_ != front) run = run->next_;
  // Acquired: the words of what was cut off were written before.
  return run->left_.load(std::memory_order_acquire);
}

}  // namespace strata::cache
