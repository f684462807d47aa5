#pragma once

#include <cstdint>

#include "engine/api/strata.hpp"

namespace strata::server {

// Charges to the limit what the process holds and nobody else charges: stacks, the heap, the system's page tables. What that is follows from
// what the kernel counts, less what is charged. Where segments are charged that nobody has touched yet, as much of it is not seen.
// Rises at once, and falls slowly. Thread safety: one thread at a time.
class ProcessMemory {
 public:
  // Not charged: what a process holds that has stored nothing, so that a cache of a few MiB can be. Within the tolerance of the limit, 8 MiB.
  static constexpr std::uint64_t kUnchargedBytes = std::uint64_t{4} << 20U;

  // Both outlive it.
  ProcessMemory(Cache& cache, const os::SystemMemory& system) noexcept : cache_(cache), system_(system) {}
  ~ProcessMemory();
  ProcessMemory(const ProcessMemory&) = delete;
  ProcessMemory& operator=(const ProcessMemory&) = delete;

  // Looks anew, and charges the difference. Costs some ten microseconds.
  void update();

 private:
  Cache& cache_;
  const os::SystemMemory& system_;
  std::int64_t charged_bytes_ = 0;
};

}  // namespace strata::server
