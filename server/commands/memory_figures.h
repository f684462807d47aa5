#pragma once

#include <cstdint>
#include <string>

#include "server/commands/server_state.h"

namespace strata::server {

// What memory comes to, in bytes: for INFO and MEMORY. Sums that go on while they are taken.
struct MemoryFigures {
  std::uint64_t used = 0;      // what the limit bounds: with what is free in the segments of items
  std::uint64_t peak = 0;      // of it, since the start
  std::uint64_t limit = 0;     // in force now
  std::uint64_t rss = 0;       // as the system counts it: of anonymous pages and of the program
  std::uint64_t dataset = 0;   // of used: keys and values with their headers
  std::uint64_t overhead = 0;  // of used: all else
  std::uint64_t index = 0;
  std::uint64_t clients = 0;        // buffers
  std::uint64_t client_values = 0;  // large values that are received, or sent though they were replaced
  std::uint64_t process = 0;        // held by the process beside the cache
  std::uint64_t segments = 0;       // resident for items
  std::uint64_t segments_free = 0;  // of it, not used
  std::uint64_t allocator_active = 0;
  std::uint64_t allocator_resident = 0;  // at most
  std::string allocator;                 // who serves this process' malloc
};

[[nodiscard]] MemoryFigures memory_figures(const ServerState& server);

// 0 where there is nothing to compare with.
[[nodiscard]] inline double ratio(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace strata::server
