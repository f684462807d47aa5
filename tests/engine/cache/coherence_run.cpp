#include "tests/engine/cache/coherence_run.h"

#include <barrier>
#include <cstdlib>
#include <thread>
#include <vector>

#include "engine/cache/verify.h"

namespace strata::history {
namespace {

constexpr std::uint64_t kPlenty = 1ULL << 40U;
constexpr std::int64_t kStartMs = 1'700'000'000'000;

}  // namespace

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const given = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return given != nullptr ? std::stoull(given) : otherwise;
}

CoherenceRun run_threads(const Scenario& scenario, std::uint64_t seed) {
  const bool evicts = scenario.max_memory_bytes > 0;
  cache::Cache cache({.namespaces = 2, .hash_seed = seed}, {.max_memory_bytes = evicts ? scenario.max_memory_bytes : kPlenty});
  const auto answered =
      from_environment("STRATA_COHERENCE_WHEN_VISIBLE", 0) != 0 ? Answered::when_visible : Answered::when_executed;
  History history;
  const std::size_t effects = scenario.operations * 4 + CoherenceWorker::most_effects(scenario);
  for (std::size_t thread = 0; thread < kThreadsOfRun; ++thread)
    history.threads.emplace_back(scenario.operations, effects, answered);
  if (evicts) history.evictions.push_back({});
  std::atomic<std::int64_t> clock_ms{kStartMs};
  {
    std::barrier start(static_cast<std::ptrdiff_t>(kThreadsOfRun));
    std::vector<std::jthread> threads;
    threads.reserve(kThreadsOfRun);
    for (std::size_t thread = 0; thread < kThreadsOfRun; ++thread) {
      threads.emplace_back([&, thread] {
        CoherenceWorker worker(cache, scenario, clock_ms, history.threads[thread], thread, seed);
        start.arrive_and_wait();
        worker.run();
      });
    }
  }
  CoherenceRun run;
  run.judgement = judge(history);
  run.damage = cache::verify(cache);
  run.statistics = cache.statistics();
  run.moved_items = cache.compaction_statistics().moved_items;
  return run;
}

}  // namespace strata::history
