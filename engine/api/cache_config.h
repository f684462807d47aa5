#pragma once

#include <cstdint>

#include "engine/api/cache.h"
#include "engine/cache/auto_invalidation.h"
#include "engine/cache/dynamic_sizing.h"

// Whether a cache can be as a program wants it. For engine/api only.
namespace strata::api {

// Of all but auto_invalidation and dynamic_sizing. Other than STRATA_OK: told, with the member and what it may be.
[[nodiscard]] strata_status check_config(const strata_cache_config& config, const char* function) noexcept;

// The engine's own form of it; a null pointer: off. Other than STRATA_OK: told. Throws std::bad_alloc.
[[nodiscard]] strata_status read_auto_invalidation(const strata_cache_auto_invalidation* given, std::uint32_t databases,
                                                   const char* function, cache::AutoInvalidation& settings);

// The same of dynamic_sizing.
[[nodiscard]] strata_status read_dynamic_sizing(const strata_cache_config& config, const char* function,
                                                cache::DynamicSizing& settings) noexcept;

}  // namespace strata::api
