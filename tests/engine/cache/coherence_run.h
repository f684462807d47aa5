#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/cache/cache.h"
#include "tests/engine/cache/coherence_worker.h"
#include "tests/engine/cache/linearizability.h"

namespace strata::history {

inline constexpr std::size_t kThreadsOfRun = 4;

// What came of a scenario.
struct CoherenceRun {
  Judgement judgement;
  std::string damage;  // empty: none (engine/cache/verify.h)
  cache::Statistics statistics;
  std::uint64_t moved_items = 0;
};

// Four threads do to a cache of their own what the scenario says, and are judged.
[[nodiscard]] CoherenceRun run_threads(const Scenario& scenario, std::uint64_t seed);

// A number from the environment.
[[nodiscard]] std::uint64_t from_environment(const char* name, std::uint64_t otherwise);

}  // namespace strata::history
