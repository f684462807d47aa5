#include "server/admin/metrics/scrape.h"

#include <sys/resource.h>

#include <utility>

namespace strata::server::admin {

namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

Scrape take_scrape(const AdminState& state, std::vector<cache::NamespaceSize> databases, std::size_t open_files) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {.state = state,
          .counts = state.server.statistics.since_start(),
          .cache = state.server.cache.statistics_since_start(),
          .resident = LinuxSystemMemory().resident(),
          .databases = std::move(databases),
          .open_files = open_files,
          .cpu_user_seconds = seconds(usage.ru_utime),
          .cpu_system_seconds = seconds(usage.ru_stime),
          .uptime_seconds = static_cast<double>(wall_clock_ms() - state.server.facts.started_at_ms) / 1e3};
}

}  // namespace strata::server::admin
