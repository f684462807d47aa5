#pragma once

#include <cstddef>
#include <vector>

#include "engine/api/strata.hpp"
#include "server/admin/admin_state.h"

namespace strata::server::admin {

// What one scrape shows: all that the metrics are computed from, looked at once.
struct Scrape {
  const AdminState& state;
  StatisticsSnapshot counts;  // since the start of the process
  cache::Statistics cache;
  os::ResidentMemory resident;
  std::vector<cache::NamespaceSize> databases;
  std::size_t open_files = 0;
  double cpu_user_seconds = 0;
  double cpu_system_seconds = 0;
  double uptime_seconds = 0;

  [[nodiscard]] const ServerState& server() const noexcept { return state.server; }
};

// Fills in everything that is quick to get; databases and open files come from the caller, who counts them in slices.
[[nodiscard]] Scrape take_scrape(const AdminState& state, std::vector<cache::NamespaceSize> databases, std::size_t open_files);

}  // namespace strata::server::admin
