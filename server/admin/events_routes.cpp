#include <array>
#include <boost/json/value.hpp>

#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Response get_events(AdminState& state) {
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

constexpr std::array kRoutes = {
    Route{"GET", "/v1/events", Access::token, Body::none,
          "The last 256 times that the cache removed keys by itself, or noticed that fewer reads are hits.",
          [](AdminState& state, json::value&) -> Answer { return get_events(state); }},
};

}  // namespace

std::span<const Route> events_routes() { return kRoutes; }

}  // namespace strata::server::admin
