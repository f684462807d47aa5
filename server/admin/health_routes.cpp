#include <array>

#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer healthz(AdminState&, Request&) { return json_response(200, {{"status", "ok"}}); }

Answer readyz(AdminState& state, Request&) {
  return state.ready ? json_response(200, {{"status", "ready"}}) : json_response(503, {{"status", "not ready"}});
}

constexpr std::string_view kSchema =
    R"({"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}})";
constexpr std::array kHealthReplies = {
    RouteReply{.description = "The process serves.", .schema = kSchema, .example = R"({"status": "ok"})"}};
constexpr std::array kReadyReplies = {
    RouteReply{.description = "Clients may come.", .schema = kSchema, .example = R"({"status": "ready"})"},
    RouteReply{
        .status = 503, .description = "It is starting or stopping.", .schema = kSchema, .example = R"({"status": "not ready"})"}};

constexpr std::array kRoutes = {
    Route{"GET", "/healthz", Access::open, Body::none, "Answers 200 while the process serves.", healthz, {}, kHealthReplies},
    Route{"GET",
          "/readyz",
          Access::open,
          Body::none,
          "Answers 200 when clients may come, 503 while starting or stopping.",
          readyz,
          {},
          kReadyReplies},
};

}  // namespace

std::span<const Route> health_routes() { return kRoutes; }

}  // namespace strata::server::admin
