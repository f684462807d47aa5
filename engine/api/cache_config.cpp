#include "engine/api/cache_config.h"

#include "engine/api/cache_object.h"
#include "engine/api/versioned_struct.h"

namespace strata::api {
namespace {

constexpr std::uint64_t kLeastMemory = std::uint64_t{2} << 20U;
constexpr std::uint32_t kMostDatabases = 128;

}  // namespace

strata_status check_config(const strata_cache_config& config, const char* function) noexcept {
  const auto wrong = [function](const char* text, std::uint64_t value) {
    return failed({STRATA_INVALID_ARGUMENT, function, text, value});
  };
  const auto unsupported = [function](const char* text, std::uint64_t value) {
    return failed({STRATA_NOT_SUPPORTED, function, text, value});
  };
  if (config.cache_size < kLeastMemory) return wrong("cache_size: it has to be 2 MiB or more", config.cache_size);
  constexpr std::uint32_t kKnownLevels = STRATA_CACHE_LEVEL_THREAD | STRATA_CACHE_LEVEL_SHARED | STRATA_CACHE_LEVEL_DISK;
  if (config.cache_levels == 0 || (config.cache_levels & ~kKnownLevels) != 0)
    return wrong("cache_levels: it has to be a set of STRATA_CACHE_LEVEL_*", config.cache_levels);
  if (config.cache_levels != STRATA_CACHE_LEVEL_SHARED)
    return unsupported("cache_levels: this version has STRATA_CACHE_LEVEL_SHARED alone", config.cache_levels);
  const auto policy = static_cast<std::uint64_t>(config.replacement_policy);
  if (!policy_of(config.replacement_policy)) return wrong("replacement_policy: it has to be one of strata_cache_policy", policy);
  if (config.replacement_policy == STRATA_CACHE_CUSTOM)
    return failed({STRATA_NO_CHOOSER, function, "replacement_policy: STRATA_CACHE_CUSTOM can be chosen when there is a chooser", policy});
  const auto compression = static_cast<std::uint64_t>(config.compression);
  if (compression > STRATA_CACHE_COMPRESSION_ZSTD)
    return wrong("compression: it has to be one of strata_cache_compression", compression);
  if (config.compression != STRATA_CACHE_COMPRESSION_NONE)
    return unsupported("compression: this version stores values as they are; it has to be STRATA_CACHE_COMPRESSION_NONE",
                       compression);
  if ((config.flags & ~STRATA_CACHE_SLIDING_EXPIRY) != 0)
    return unsupported("flags: this version knows STRATA_CACHE_SLIDING_EXPIRY alone", config.flags);
  if (config.expiry_jitter_percent > cache::ExpiryRules::kMostJitterPercent)
    return wrong("expiry_jitter_percent: it has to be 0 to 90", config.expiry_jitter_percent);
  if (config.databases < 1 || config.databases > kMostDatabases)
    return wrong("databases: it has to be 1 to 128", config.databases);
  return STRATA_OK;
}

strata_status read_dynamic_sizing(const strata_cache_config& config, const char* function,
                                  cache::DynamicSizing& settings) noexcept {
  settings = {};
  if (config.dynamic_sizing == nullptr) return STRATA_OK;
  strata_cache_dynamic_sizing ours = STRATA_CACHE_DYNAMIC_SIZING_INIT;
  const strata_status status = take_in(*config.dynamic_sizing, ours, sizeof(strata_cache_dynamic_sizing), function);
  if (status != STRATA_OK) return status;
  settings = {.is_on = true,
              .min_bytes = ours.min_size,
              .reserve_bytes = ours.reserve_bytes,
              .growth_percent = ours.growth_percent,
              .look_ms = ours.look_ms,
              .calm_ms = ours.calm_ms};
  const char* const problem = settings.problem(config.cache_size);
  return problem == nullptr ? STRATA_OK : failed({STRATA_INVALID_ARGUMENT, function, problem});
}

strata_status read_auto_invalidation(const strata_cache_auto_invalidation* given, std::uint32_t databases, const char* function,
                                     cache::AutoInvalidation& settings) {
  settings = {};
  if (given == nullptr) return STRATA_OK;
  strata_cache_auto_invalidation ours = STRATA_CACHE_AUTO_INVALIDATION_INIT;
  const strata_status status = take_in(*given, ours, sizeof(strata_cache_auto_invalidation), function);
  if (status != STRATA_OK) return status;
  const auto action = static_cast<std::uint64_t>(ours.hits_action);
  if (action > STRATA_CACHE_HITS_EVERYTHING)
    return failed({STRATA_INVALID_ARGUMENT, function, "hits_action: it has to be one of strata_cache_hits_action", action});
  if (ours.hits_prefix == nullptr && ours.hits_prefix_bytes != 0)
    return failed({STRATA_INVALID_ARGUMENT, function, "hits_prefix: it has bytes and is NULL", ours.hits_prefix_bytes});
  if (ours.hits_database >= databases)
    return failed({STRATA_INVALID_ARGUMENT, function, "hits_database: it has to be below databases", ours.hits_database});
  if (ours.hits_prefix_bytes > cache::InvalidatedPrefixes::kMostBytes)
    return failed({STRATA_INVALID_ARGUMENT, function, "hits_prefix_bytes: it has to be 1024 or less", ours.hits_prefix_bytes});
  settings.interval_ms = ours.interval_ms;
  settings.idle_percent = ours.idle_percent;
  settings.max_age_ms = ours.max_age_ms;
  settings.pressure_percent = ours.pressure_percent;
  settings.relief_percent = ours.relief_percent;
  settings.pressure_ms = ours.pressure_ms;
  settings.hits_window_ms = ours.hits_window_ms;
  settings.hits_percent = ours.hits_percent;
  settings.least_reads = ours.hits_least_reads;
  settings.then = static_cast<cache::AutoInvalidation::Then>(action);
  settings.database = static_cast<cache::Namespace>(ours.hits_database);
  if (ours.hits_prefix != nullptr) settings.prefix.assign(ours.hits_prefix, ours.hits_prefix_bytes);
  const char* const problem = settings.problem(databases);
  return problem == nullptr ? STRATA_OK : failed({STRATA_INVALID_ARGUMENT, function, problem});
}

}  // namespace strata::api

strata_status strata_cache_set_auto_invalidation(strata_cache* cache,
                                                 const strata_cache_auto_invalidation* auto_invalidation) noexcept {
  constexpr const char* kFunction = "strata_cache_set_auto_invalidation";
  if (cache == nullptr) return strata::api::failed({STRATA_INVALID_ARGUMENT, kFunction, "cache: it has to be one"});
  return strata::api::guarded([&] {
    strata::cache::AutoInvalidation settings;
    const auto databases = static_cast<std::uint32_t>(cache->cache.options().namespaces);
    const strata_status status = strata::api::read_auto_invalidation(auto_invalidation, databases, kFunction, settings);
    if (status == STRATA_OK) cache->cache.set_auto_invalidation(settings, strata::os::wall_clock_ms());
    return status;
  });
}

const strata_error* strata_cache_last_error(void) noexcept { return strata_last_error(); }
