#pragma once

#include <cstdint>

namespace strata::cache {

enum class Status : std::uint8_t {
  ok,
  out_of_memory,  // over the limit and nothing may be evicted, or the system gave none: nothing was changed
  too_large,      // key or value beyond kMaxKeyBytes / kMaxValueBytes: nothing was changed
};

}  // namespace strata::cache
