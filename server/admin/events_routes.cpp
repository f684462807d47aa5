#include <array>
#include <boost/json/value.hpp>

#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer get_events(AdminState& state, Request&) {
  json::array events;
  for (const cache::Event& event : state.server.cache.events().since(0)) {
    events.push_back({{"number", event.number},
                      {"at_ms", event.at_ms},
                      {"kind", cache::kEventKindNames[static_cast<std::size_t>(event.kind)]},
                      {"measured", event.measured},
                      {"threshold", event.threshold},
                      {"removed", event.items}});
  }
  return json_response(200, {{"events", std::move(events)}});
}

constexpr std::array kReplies = {RouteReply{
    .description = "The events, the oldest first.",
    .schema = R"({"type": "object", "required": ["events"], "properties": {"events": {"type": "array", "items": {"type": "object",
      "required": ["number", "at_ms", "kind", "measured", "threshold", "removed"], "properties": {"number": {"type": "integer"},
      "at_ms": {"type": "integer"}, "kind": {"type": "string"}, "measured": {"type": "number"}, "threshold": {"type": "number"},
      "removed": {"type": "integer"}}}}}})",
    .example = R"({"events": [{"number": 1, "at_ms": 1767225600000, "kind": "memory_pressure", "measured": 0.95, "threshold": 0.9,
      "removed": 1200}]})"}};

constexpr std::array kRoutes = {
    Route{"GET",
          "/v1/events",
          Access::token,
          Body::none,
          "The last 256 times that the cache removed keys by itself, or noticed that fewer reads are hits.",
          get_events,
          {},
          kReplies},
};

}  // namespace

std::span<const Route> events_routes() { return kRoutes; }

}  // namespace strata::server::admin
