#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "config/settings.h"
#include "server/admin/request.h"
#include "server/admin/route.h"

namespace strata::server::admin {

// The route tables of the subjects, each beside its handlers.
std::span<const Route> health_routes();
std::span<const Route> metrics_routes();
std::span<const Route> stats_routes();
std::span<const Route> memory_routes();
std::span<const Route> keys_routes();
std::span<const Route> invalidate_routes();
std::span<const Route> clients_routes();
std::span<const Route> command_log_routes();
std::span<const Route> events_routes();
std::span<const Route> config_routes();
std::span<const Route> audit_routes();
std::span<const Route> openapi_routes();

// All of them, in this order.
const std::vector<Route>& all_routes();

// Either the route and what the request says, or why there is none.
struct Admission {
  const Route* route = nullptr;
  std::optional<Response> refusal;
  Request request;
};

// Looks up the route (404, 405), asks for the token (401), refuses writes that a page of another site makes a browser
// send (403), and reads the parameters (400). Done before the body is read, so that a stranger can not make us take one.
[[nodiscard]] Admission admit(const RequestHead& head, const config::Admin& settings);

// Carries out an admitted request: parses its body, which lies in request.bytes, if the route takes JSON, then calls the handler.
[[nodiscard]] std::unique_ptr<Job> make_exchange(AdminState& state, Request request);

}  // namespace strata::server::admin
