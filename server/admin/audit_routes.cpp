#include <array>
#include <boost/json/value.hpp>

#include "server/admin/page_parameters.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer get_audit(AdminState& state, Request& request) {
  json::array entries;
  for (const AuditEntry& entry : state.audit.last(limit_of(request), before_of(request))) {
    entries.push_back({{"number", entry.number},
                       {"at_ms", entry.at_ms},
                       {"peer", entry.peer},
                       {"with_token", entry.with_token},
                       {"action", entry.action},
                       {"what", entry.what},
                       {"from", entry.from},
                       {"to", entry.to}});
  }
  return json_response(200, {{"entries", std::move(entries)}});
}

constexpr std::array kParameters = {kBefore, kFewAtOnce};
constexpr std::array kReplies = {RouteReply{
    .description = "The entries, the newest first. Their numbers fall by one: the next page is before the last of them.",
    .schema = R"({"type": "object", "required": ["entries"], "properties": {"entries": {"type": "array", "items": {
                 "type": "object", "required": ["number", "at_ms", "peer", "with_token", "action", "what", "from", "to"], "properties": {
                 "number": {"type": "integer"}, "at_ms": {"type": "integer"}, "peer": {"type": "string"}, "with_token": {"type": "boolean"},
                 "action": {"type": "string"}, "what": {"type": "string"}, "from": {"type": "string"}, "to": {"type": "string"}}}}}})",
    .example = R"({"entries": [{"number": 7, "at_ms": 1767225600000, "peer": "127.0.0.1:50614", "with_token": true,
                 "action": "PATCH /v1/config", "what": "memory.policy", "from": "s3fifo", "to": "lru"}]})"}};

constexpr std::array kRoutes = {
    Route{"GET", "/v1/audit", Access::token, Body::none,
          "The last changes through this interface (admin.audit_entries of them): who, what, from what to what; no secrets.",
          get_audit, kParameters, kReplies},
};

}  // namespace

std::span<const Route> audit_routes() { return kRoutes; }

}  // namespace strata::server::admin
