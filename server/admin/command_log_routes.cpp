#include <array>
#include <boost/json/value.hpp>

#include "server/admin/lossless_text.h"
#include "server/admin/page_parameters.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

using Kind = CommandLog::Kind;

constexpr std::array<std::string_view, CommandLog::kKinds> kKindNames = {"slow", "large-request", "large-reply"};

Kind kind_of(const Request& request) noexcept {
  std::size_t kind = 0;
  while (kKindNames.at(kind) != request.text("kind")) ++kind;
  return static_cast<Kind>(kind);
}

Answer get_log(AdminState& state, Request& request) {
  const Kind kind = kind_of(request);
  json::array entries;
  for (const CommandLog::Entry& entry : state.server.command_log.last(kind, limit_of(request), before_of(request))) {
    json::array words;
    for (const std::string& word : entry.words) words.push_back(lossless(word));
    entries.push_back({{"number", entry.id},
                       {"at_s", entry.at_s},
                       {kind == Kind::slow ? "microseconds" : "bytes", entry.measured},
                       {"words", std::move(words)},
                       {"client", entry.client_address},
                       {"client_name", lossless(entry.client_name)}});
  }
  return json_response(
      200, {{"kind", request.text("kind")}, {"kept", state.server.command_log.size(kind)}, {"entries", std::move(entries)}});
}

Answer reset_log(AdminState& state, Request& request) {
  const Kind kind = kind_of(request);
  const std::size_t kept = state.server.command_log.size(kind);
  state.server.command_log.reset(kind);
  note_change(state, request, request.text("kind"), std::to_string(kept) + " entries", {});
  return empty_response(204);
}

constexpr Parameter kKind{.name = "kind",
                          .type = Parameter::Type::choice,
                          .description = "Commands that took long, or whose request or reply was large.",
                          .example = "large-reply",
                          .usual = "slow",
                          .choices = kKindNames};
constexpr std::array kGetParameters = {kKind, kBefore, kFewAtOnce};
constexpr std::array kResetParameters = {kKind};
constexpr std::array kGetReplies = {RouteReply{
    .description = "The entries, the newest first. Their numbers fall by one: the next page is before the last of them.",
    .schema =
        R"({"type": "object", "required": ["kind", "kept", "entries"], "properties": {"kind": {"type": "string"}, "kept": {"type": "integer"},
      "entries": {"type": "array", "items": {"type": "object", "required": ["number", "at_s", "words", "client", "client_name"], "properties": {
      "number": {"type": "integer"}, "at_s": {"type": "integer"}, "microseconds": {"type": "integer"}, "bytes": {"type": "integer"},
      "words": {"type": "array", "items": {"$ref": "#/components/schemas/Bytes"}}, "client": {"type": "string"},
      "client_name": {"$ref": "#/components/schemas/Bytes"}}}}}})",
    .example =
        R"({"kind": "slow", "kept": 1, "entries": [{"number": 0, "at_s": 1767225600, "microseconds": 15300, "words": ["KEYS", "*"],
      "client": "127.0.0.1:50614", "client_name": "worker"}]})"}};
constexpr std::array kResetReplies = {RouteReply{.status = 204, .description = "They are forgotten."}};

constexpr std::array kRoutes = {
    Route{"GET", "/v1/slowlog", Access::token, Body::none, "The last commands that were slow or large (command_log.*).", get_log,
          kGetParameters, kGetReplies},
    Route{"DELETE", "/v1/slowlog", Access::token, Body::none, "Forgets the commands of one kind.", reset_log, kResetParameters,
          kResetReplies},
};

}  // namespace

std::span<const Route> command_log_routes() { return kRoutes; }

}  // namespace strata::server::admin
