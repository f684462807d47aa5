#pragma once

#include <cstdint>
#include <optional>

namespace strata::loadtest {

// What a process of this machine has used so far, all its threads together.
struct ProcessUse {
  std::uint64_t cpu_ns = 0;
  std::uint64_t resident_bytes = 0;

  // From /proc; nullopt if there is no such process or it may not be looked at.
  static std::optional<ProcessUse> of(int pid);
};

}  // namespace strata::loadtest
