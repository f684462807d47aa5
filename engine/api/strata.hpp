#pragma once

// The C++ interface of the engine: the one header that programs built on it include.
#include "engine/api/strata.h"                // IWYU pragma: export
#include "engine/cache/cache.h"               // IWYU pragma: export
#include "engine/cache/glob.h"                // IWYU pragma: export
#include "engine/cache/hash.h"                // IWYU pragma: export
#include "engine/cache/match_invalidation.h"  // IWYU pragma: export
#include "engine/os/clock.h"                  // IWYU pragma: export
#include "engine/os/entropy.h"                // IWYU pragma: export
#include "engine/os/system_memory.h"          // IWYU pragma: export

namespace strata {

using cache::Budget;
using cache::Cache;
using cache::Decision;
using cache::hash_of;
using cache::ItemView;
using cache::Key;
using cache::kLargeValueBytes;
using cache::kMaxValueBytes;
using cache::kNoExpiry;
using cache::Namespace;
using cache::Policy;
using cache::Purpose;
using cache::Session;
using cache::Slice;
using cache::Status;
using cache::ValueRef;

using os::CycleClock;
using os::LinuxSystemMemory;
using os::monotonic_ns;
using os::SystemMemory;
using os::wall_clock_ms;

}  // namespace strata
