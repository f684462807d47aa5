#pragma once

#include <cstdint>
#include <string>

#include "engine/cache/cache.h"

namespace strata::cache {

// For tests: walks everything the cache holds and compares it with what the cache says about itself, every item in its place,
// every count, every byte of the budget but `pinned_bytes` of large blocks that only others hold, and those of clients. Returns
// the first thing found wrong, empty if all is well. REQUIRES: nobody else uses the cache meanwhile
[[nodiscard]] std::string verify(Cache& cache, std::uint64_t pinned_bytes = 0);

}  // namespace strata::cache
