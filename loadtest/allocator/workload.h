#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "loadtest/allocator/json_fields.h"

// What a workload is. Each file <name>.cpp defines one or a small family; workload.cpp lists them.
namespace strata::loadtest::allocator {

struct Settings {
  double scale = 1;      // in (0, 1]: shrinks the counts for a quick try; sizes stay
  unsigned threads = 1;  // within the workload's range
};

// `count` times the scale, but not below `least`.
std::uint64_t scaled(std::uint64_t count, const Settings& settings, std::uint64_t least = 1);

struct MemoryUse {
  std::uint64_t requested_bytes_live = 0;     // sum of the sizes asked for and not yet freed
  std::uint64_t resident_bytes = 0;           // of the whole process at the same moment
  std::uint64_t resident_at_start_bytes = 0;  // of the whole process before the first block, the program's arrays included
};

struct Result {
  std::uint64_t operations = 0;
  std::chrono::nanoseconds elapsed{0};
  std::optional<MemoryUse> memory = {};  // for workloads that name a moment
  Fields details = {};                   // further figures of this workload only
  std::vector<Fields> rows = {};         // for workloads that name a table
};

struct ThreadRange {
  unsigned normal;  // 0: one per core, at least `least`
  unsigned least;
  unsigned most;
  unsigned step = 1;  // a number of threads is a multiple of it
};

struct Workload {
  std::string_view name;
  std::string_view summary;
  std::string_view operation;      // what is counted
  std::string_view memory_moment;  // when resident memory is read; empty: not at all
  std::string_view rows_name;      // empty: no table
  ThreadRange threads;
  Fields (*parameters)(const Settings&);  // as they will be used, scaled
  Result (*run)(const Settings&);         // ends the program with status 1 if the allocator misbehaves
};

inline constexpr unsigned kMostThreads = 256;

std::span<const Workload> workloads();

Workload cross_frees();
Workload false_sharing_active();
Workload false_sharing_passive();
Workload free_only_thread();
Workload large_blocks();
Workload larson_churn();
Workload latency();
Workload pareto_sizes();
Workload producer_consumer();
Workload realloc_growth();
Workload size_drift();
Workload tiny_blocks();

}  // namespace strata::loadtest::allocator
