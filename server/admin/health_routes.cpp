#include <array>

#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer healthz(AdminState&, json::value&) { return json_response(200, {{"status", "ok"}}); }

Answer readyz(AdminState& state, json::value&) {
  return state.ready ? json_response(200, {{"status", "ready"}}) : json_response(503, {{"status", "not ready"}});
}

constexpr std::array kRoutes = {
    Route{"GET", "/healthz", Access::open, Body::none, "Answers 200 while the process serves.", healthz},
    Route{"GET", "/readyz", Access::open, Body::none, "Answers 200 when clients may come, 503 while starting or stopping.",
          readyz},
};

}  // namespace

std::span<const Route> health_routes() { return kRoutes; }

}  // namespace strata::server::admin
