#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace strata::golden {

// Number of an object in a trace, dense from 0.
using Object = std::uint32_t;

// An exact cache of objects that all have the size 1: the reference for the engine's policies, and itself checked against the
// published figures of another simulator. Single-threaded.
class PolicySimulator {
 public:
  virtual ~PolicySimulator() = default;

  // True if the object is cached. If it is not, it is now, and another one may have been evicted for it.
  virtual bool access(Object object) = 0;

  // "fifo", "lru", "clock" (one bit), "sieve" (Zhang et al., NSDI 2024) or "s3fifo" (Yang et al., SOSP 2023: a tenth for the small
  // queue, as many ghosts as the main queue has places, promotion at two hits). Null for any other name. `objects` is how many
  // different ones there are, `capacity` how many fit.
  static std::unique_ptr<PolicySimulator> make(std::string_view policy, Object objects, std::uint64_t capacity);
};

// Share of the accesses that miss.
double miss_ratio(PolicySimulator& simulator, const std::vector<Object>& accesses);

}  // namespace strata::golden
