#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "server/admin/admin_state.h"
#include "server/admin/job.h"

namespace strata::server::admin {

enum class Access : std::uint8_t { open, token };  // token: only with admin.token, if one is set
enum class Body : std::uint8_t { none, json };     // none: what is sent is ignored

// `body` is null where the route takes none; its parts may be moved out. Called on the control thread.
using Handler = Answer (*)(AdminState& state, boost::json::value& body);

// One row of the route table. HEAD is served where GET is.
struct Route {
  std::string_view method;
  std::string_view path;
  Access access = Access::token;
  Body body = Body::none;
  std::string_view summary;
  Handler handler = nullptr;
};

// The route tables of the subjects, each beside its handlers.
std::span<const Route> health_routes();
std::span<const Route> metrics_routes();
std::span<const Route> stats_routes();
std::span<const Route> config_routes();
std::span<const Route> invalidate_routes();
std::span<const Route> events_routes();

// All of them, in this order.
const std::vector<Route>& all_routes();

// What of a request's head decides about it. The texts belong to the caller.
struct RequestHead {
  std::string_view method{};
  std::string_view target{};  // with the query, which no route uses
  std::string_view authorization{};
  std::string_view origin{};
  std::string_view host{};
};

// Either the route, or why there is none.
struct Admission {
  const Route* route = nullptr;
  std::optional<Response> refusal;
};

// Looks up the route (404, 405), asks for the token (401) and refuses writes that a page of another site makes a browser
// send (403). Done before the body is read, so that a stranger can not make us take one.
[[nodiscard]] Admission admit(const RequestHead& head, const config::Admin& settings);

// Carries out an admitted request: parses its body if the route takes one, then calls the handler.
[[nodiscard]] std::unique_ptr<Job> make_exchange(AdminState& state, const Route& route, std::string body);

}  // namespace strata::server::admin
