#include "engine/pools/pool_sizing.h"

#include <algorithm>
#include <limits>

namespace strata::pools {
namespace {

constexpr std::uint32_t kMostGrowthPercent = 1000;

// Without running over for any number of bytes there can be.
constexpr std::uint64_t percent_of(std::uint64_t bytes, std::uint32_t percent) noexcept {
  return bytes / 100 * percent + bytes % 100 * percent / 100;
}

}  // namespace

bool is_valid(const PoolSizing& sizing) noexcept {
  if (sizing.max_bytes != 0 && sizing.initial_bytes > sizing.max_bytes) return false;
  return sizing.growth_percent <= kMostGrowthPercent && sizing.shrink_below_percent < 100 && sizing.shrink_after_rounds > 0;
}

std::uint64_t SizeKeeper::growth(std::uint64_t total_bytes, std::uint64_t needed_bytes) const noexcept {
  const std::uint64_t most = sizing_.max_bytes == 0 ? std::numeric_limits<std::uint64_t>::max() : sizing_.max_bytes;
  if (total_bytes > most || needed_bytes > most - total_bytes) return 0;
  const std::uint64_t wanted = std::min(percent_of(total_bytes, sizing_.growth_percent), kMostGrowthBytes);
  return std::min(std::max(wanted, needed_bytes), most - total_bytes);
}

std::optional<std::uint64_t> SizeKeeper::end_round(std::uint64_t total_bytes, std::uint64_t used_bytes) noexcept {
  const bool is_low = used_bytes < percent_of(total_bytes, sizing_.shrink_below_percent);
  low_rounds_ = is_low ? low_rounds_ + 1 : 0;
  if (low_rounds_ < sizing_.shrink_after_rounds) return std::nullopt;
  low_rounds_ = 0;
  return std::max(sizing_.initial_bytes, used_bytes + percent_of(used_bytes, sizing_.growth_percent));
}

}  // namespace strata::pools
