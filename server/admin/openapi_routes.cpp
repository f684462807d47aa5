#include <array>

#include "server/admin/openapi.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace {

Answer get_openapi(AdminState&, Request&) {
  Response response;
  response.body = openapi_text();
  return response;
}

constexpr std::array kReplies = {
    RouteReply{.description = "The document.", .schema = R"({"type": "object", "required": ["openapi", "info", "paths"]})"}};

constexpr std::array kRoutes = {
    Route{"GET",
          "/v1/openapi.json",
          Access::token,
          Body::none,
          "This interface as OpenAPI 3.1 describes it.",
          get_openapi,
          {},
          kReplies},
};

}  // namespace

std::span<const Route> openapi_routes() { return kRoutes; }

}  // namespace strata::server::admin
