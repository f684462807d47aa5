#include <array>
#include <boost/json/value.hpp>

#include "server/admin/database_sizes.h"
#include "server/admin/memory_figures.h"
#include "server/admin/router.h"
#include "server/version.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

json::value connections(const ServerState& server, const BasicTraffic<std::uint64_t>& traffic) {
  return {{"current", server.clients.size()},           {"accepted", traffic.connections_accepted},
          {"rejected", traffic.connections_rejected},   {"dropped_slow", traffic.dropped_slow},
          {"dropped_largest", traffic.dropped_largest}, {"dropped_idle", traffic.dropped_idle}};
}

// Those that were ever called.
json::value commands(const ServerState& server, const StatisticsSnapshot& counts) {
  json::object all;
  for (const Command& command : server.commands.all()) {
    const auto& count = counts.commands[command.id];
    if (count.calls == 0 && count.rejected == 0) continue;
    all[command.full_name] = {{"calls", count.calls},
                              {"seconds", static_cast<double>(count.nanoseconds) / 1e9},
                              {"rejected", count.rejected},
                              {"failed", count.failed}};
  }
  return all;
}

// Those that hold something.
json::value databases(const DatabaseSizes& sizes) {
  json::object all;
  for (std::size_t i = 0; i < sizes.all().size(); ++i) {
    const cache::NamespaceSize& size = sizes.all()[i];
    if (size.items != 0) all[std::to_string(i)] = {{"keys", size.items}, {"with_expiry", size.with_expiry}};
  }
  return all;
}

// Counts the databases in slices, then takes everything else at one moment.
class StatsJob final : public Job {
 public:
  explicit StatsJob(AdminState& state) : server_(state.server), sizes_(state.server.cache) {}

  std::optional<Response> slice() override {
    if (!sizes_.slice()) return std::nullopt;
    const StatisticsSnapshot counts = server_.statistics.since_start();
    const cache::Statistics cache = server_.cache.statistics_since_start();
    return json_response(200, {{"version", kVersion},
                               {"uptime_seconds", (wall_clock_ms() - server_.facts.started_at_ms) / 1000},
                               {"connections", connections(server_, counts.traffic)},
                               {"commands", commands(server_, counts)},
                               {"hits", cache.hits},
                               {"misses", cache.misses},
                               {"misses_by_cause", json::object{{"never_seen", cache.misses_never_seen()},
                                                                {"evicted", cache.misses_evicted},
                                                                {"expired", cache.misses_expired},
                                                                {"removed", cache.misses_removed},
                                                                {"flushed", cache.misses_flushed}}},
                               {"evicted", cache.evicted},
                               {"evicted_new", cache.evicted_young},
                               {"promoted", cache.promoted},
                               {"judged_by_size", cache.judged_by_size},
                               {"readmitted", cache.readmitted},
                               {"expired", cache.expired},
                               {"expiries_jittered", cache.expiries_jittered},
                               {"expiries_renewed", cache.expiries_renewed},
                               {"invalidated", cache.invalidated},
                               {"memory", memory_figures(server_.cache)},
                               {"databases", databases(sizes_)}});
  }

 private:
  ServerState& server_;
  DatabaseSizes sizes_;
};

Answer get_stats(AdminState& state, Request&) { return std::make_unique<StatsJob>(state); }

constexpr std::array kReplies = {RouteReply{
    .description = "Counters since the start, and what is held now.",
    .schema =
        R"({"type": "object", "required": ["version", "uptime_seconds", "connections", "commands", "hits", "misses", "memory",
                 "databases"], "properties": {"version": {"type": "string"}, "uptime_seconds": {"type": "integer"},
                 "connections": {"type": "object"}, "commands": {"type": "object"}, "hits": {"type": "integer"}, "misses": {"type": "integer"},
                 "memory": {"$ref": "#/components/schemas/Memory"}, "databases": {"type": "object"}}})"}};

constexpr std::array kRoutes = {
    Route{"GET",
          "/v1/stats",
          Access::token,
          Body::none,
          "What the server did since its start and holds now.",
          get_stats,
          {},
          kReplies},
};

}  // namespace

std::span<const Route> stats_routes() { return kRoutes; }

}  // namespace strata::server::admin
