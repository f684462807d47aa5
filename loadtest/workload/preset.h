#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "loadtest/options.h"

namespace strata::loadtest {

// A synthetic likeness of one production cache, made from the statistics that Twitter published of it (March 2020; Yang, Yue,
// Rashmi, OSDI 2020): sizes, operations, time to live, popularity and the share of keys that are new. It is not its trace:
// the spread of sizes and the number of keys are ours. New keys begin with a store, as far as the published share of stores suffices.
struct Preset {
  std::string_view name;
  std::uint32_t key_bytes;
  std::uint32_t value_bytes;     // the mean
  double alpha;                  // of Zipf's law
  double compulsory_misses;      // share of requests that are the first for their key
  double one_hit_wonders;        // share of keys that are requested once
  double published_miss_ratio;   // of the cache in production
  std::uint32_t working_set_mb;  // published, times to live respected; 0: less than one
  std::uint8_t category;         // published: 1 storage, 2 computation, 3 transient data
  std::string_view mix;
  std::string_view ttl;
};

std::span<const Preset> presets();
// nullptr if there is none of that name.
const Preset* find_preset(std::string_view name);

// Replaces everything the preset says something about.
void apply(const Preset& preset, WorkloadOptions& workload);

}  // namespace strata::loadtest
