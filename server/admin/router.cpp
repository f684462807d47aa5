#include "server/admin/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/printable_text.h"
#include "server/admin/bearer_token.h"
#include "server/admin/exchange.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

// The methods of a path, as the header Allow lists them.
std::string allowed_methods(std::string_view path) {
  std::string list;
  PathValues values;
  for (const Route& route : all_routes()) {
    if (!match_path(route.path, path, values)) continue;
    list.append(list.empty() ? "" : ", ").append(route.method);
    if (route.method == "GET") list.append(", HEAD");
  }
  return list;
}

// Browsers name the page that makes them write in Origin. A page of this server has our own address in there; what
// another site's page sends to a port of the reader's machine is an attack. Programs send no Origin.
bool comes_from_another_site(const RequestHead& head) {
  if (head.origin.empty() || head.method == "GET" || head.method == "HEAD") return false;
  const std::size_t scheme_end = head.origin.find("://");
  return scheme_end == std::string_view::npos || head.origin.substr(scheme_end + 3) != head.host;
}

// With the list of what there is, so that whoever looks around by hand finds it.
Response not_found(std::string_view path) {
  json::array routes;
  for (const Route& route : all_routes()) {
    routes.push_back({{"method", route.method}, {"path", route.path}, {"summary", route.summary}});
  }
  return error_response(404, "not_found", fmt::format("there is no {}", config::printable(path)),
                        {{"routes", std::move(routes)}});
}

Response method_not_allowed(const RequestHead& head, std::string_view path, std::string allowed) {
  Response response = error_response(
      405, "method_not_allowed",
      fmt::format("{} does not take {}; allowed: {}", config::printable(path), config::printable(head.method), allowed));
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

Response unauthorized(bool token_given) {
  Response response = error_response(401, "unauthorized",
                                     token_given ? "the bearer token is wrong; it has to be that of admin.token"
                                                 : "send the token of admin.token in the header 'Authorization: Bearer TOKEN'");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

const std::vector<Route>& all_routes() {
  static const std::vector<Route> routes = [] {
    std::vector<Route> all;
    for (const auto& part :
         {health_routes(), metrics_routes(), stats_routes(), memory_routes(), keys_routes(), invalidate_routes(),
          clients_routes(), command_log_routes(), events_routes(), config_routes(), audit_routes(), openapi_routes()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return routes;
}

Admission admit(const RequestHead& head, const config::Admin& settings) {
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  const std::string_view method = head.method == "HEAD" ? "GET" : head.method;
  const auto& routes = all_routes();
  PathValues values;
  const auto route = std::find_if(routes.begin(), routes.end(),
                                  [&](const Route& row) { return row.method == method && match_path(row.path, path, values); });
  if (route == routes.end()) {
    std::string allowed = allowed_methods(path);
    return {nullptr, allowed.empty() ? not_found(path) : method_not_allowed(head, path, std::move(allowed)), {}};
  }
  if (route->access == Access::token && !has_token(settings.token, head.authorization)) {
    return {&*route, unauthorized(!head.authorization.empty()), {}};
  }
  if (comes_from_another_site(head)) {
    return {&*route, error_response(403, "cross_origin", "pages of other sites may not change anything here"), {}};
  }
  Admission admission{&*route, std::nullopt, {}};
  admission.request.with_token = !settings.token.empty();
  admission.refusal = admission.request.read(*route, values, head);
  return admission;
}

std::unique_ptr<Job> make_exchange(AdminState& state, Request request) {
  return std::make_unique<Exchange>(state, std::move(request));
}

}  // namespace strata::server::admin
