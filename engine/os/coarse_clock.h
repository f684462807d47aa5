#pragma once

#include <cstdint>

namespace strata::os {

// Nanoseconds since some moment in the past, a few milliseconds behind; never goes back. Costs a few nanoseconds. Apart from clock.h
// because the allocator, which is loaded into every program, must not pull in what that measures at start.
[[nodiscard]] std::uint64_t coarse_monotonic_ns() noexcept;

}  // namespace strata::os
