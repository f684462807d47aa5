#pragma once

#include <cstdint>

namespace strata::loadtest::allocator {

// Memory of this process that lies in RAM now, as the kernel counts it page by page; milliseconds for large heaps.
// Allocates nothing. Ends the program if /proc cannot be read.
std::uint64_t resident_bytes();

}  // namespace strata::loadtest::allocator
