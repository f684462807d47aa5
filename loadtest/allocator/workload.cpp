#include "loadtest/allocator/workload.h"

#include <algorithm>
#include <array>

namespace strata::loadtest::allocator {

std::uint64_t scaled(std::uint64_t count, const Settings& settings, std::uint64_t least) {
  if (settings.scale == 1) return count;
  return std::max(least, static_cast<std::uint64_t>(static_cast<double>(count) * settings.scale));
}

std::span<const Workload> workloads() {
  static const std::array all = {
      tiny_blocks(),           larson_churn(),   producer_consumer(), cross_frees(),  large_blocks(), false_sharing_active(),
      false_sharing_passive(), realloc_growth(), free_only_thread(),  pareto_sizes(), size_drift(),   latency(),
  };
  return all;
}

}  // namespace strata::loadtest::allocator
