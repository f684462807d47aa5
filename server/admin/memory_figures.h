#pragma once

#include <boost/json/object.hpp>

#include "engine/api/strata.hpp"

namespace strata::server::admin {

// What the cache's books and the kernel say of memory. Reads counters, and one file of the kernel. Safe from any thread.
[[nodiscard]] boost::json::object memory_figures(const Cache& cache);

// What the engine's allocator, which serves the whole process, holds.
[[nodiscard]] boost::json::object allocator_figures();

}  // namespace strata::server::admin
