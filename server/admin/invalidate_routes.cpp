#include <fmt/format.h>

#include <array>
#include <boost/json/value.hpp>

#include "config/printable_text.h"
#include "server/admin/invalidation.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

using Kind = cache::MatchInvalidation::Kind;

constexpr std::string_view kOneOf = "exactly one of 'keys', 'prefix' and 'glob' has to be given";

// The request, as far as it is understood; `wrong` says what is not.
struct InvalidateRequest {
  InvalidationScope scope;
  json::value* keys = nullptr;
  json::value* prefix = nullptr;
  json::value* glob = nullptr;
  std::string wrong;
};

std::string read_database(const json::value& value, std::size_t databases, Namespace& database) {
  std::uint64_t number = databases;
  if (const auto* positive = value.if_int64(); positive != nullptr && *positive >= 0)
    number = static_cast<std::uint64_t>(*positive);
  if (number >= databases) return fmt::format("'database' has to be an integer from 0 to {}", databases - 1);
  database = static_cast<Namespace>(number);
  return {};
}

std::string read_member(InvalidateRequest& request, std::string_view name, json::value& value, std::size_t databases) {
  if (name == "keys") {
    request.keys = &value;
  } else if (name == "prefix") {
    request.prefix = &value;
  } else if (name == "glob") {
    request.glob = &value;
  } else if (name == "database") {
    return read_database(value, databases, request.scope.database);
  } else if (name == "dry_run") {
    if (!value.is_bool()) return "'dry_run' has to be true or false";
    request.scope.dry_run = value.get_bool();
  } else {
    return fmt::format("unknown member {}; allowed: keys, prefix, glob, database, dry_run", config::quoted(name));
  }
  return {};
}

InvalidateRequest read_request(json::object& object, std::size_t databases) {
  InvalidateRequest request;
  for (auto& member : object) {
    request.wrong = read_member(request, member.key(), member.value(), databases);
    if (!request.wrong.empty()) return request;
  }
  const int selectors = (request.keys != nullptr) + (request.prefix != nullptr) + (request.glob != nullptr);
  if (selectors != 1) request.wrong = kOneOf;
  return request;
}

std::string check_keys(const json::value& keys) {
  if (!keys.is_array()) return "'keys' has to be an array of strings";
  const json::array& array = keys.get_array();
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!array[i].is_string()) return fmt::format("'keys' has to be an array of strings, and member {} is none", i);
  }
  return {};
}

std::string check_pattern(const json::value& value, Kind kind) {
  const std::string_view name = kind == Kind::prefix ? "prefix" : "glob";
  const std::size_t most = kind == Kind::prefix ? Cache::kMostPrefixBytes : cache::MatchInvalidation::kMostGlobBytes;
  if (!value.is_string()) return fmt::format("'{}' has to be a string", name);
  const std::size_t bytes = value.get_string().size();
  return bytes <= most ? "" : fmt::format("'{}' has {} bytes; allowed: at most {}", name, bytes, most);
}

Answer by_pattern(AdminState& state, InvalidationScope scope, Kind kind, const json::value& value) {
  const std::string_view pattern = value.get_string();
  if (kind == Kind::glob || scope.dry_run || pattern.empty())
    return std::make_unique<PatternInvalidation>(state, scope, kind, std::string(pattern));
  Cache::Ticket ticket;
  if (state.server.cache.invalidate_prefix(*state.session, scope.database, pattern, ticket) != cache::Status::ok)
    return error_response(503, "out_of_memory", "no memory to note the prefix; nothing was invalidated");
  return std::make_unique<PrefixInvalidation>(state, scope, std::move(ticket));
}

// Noted before it is done: it may go on for long, and be given up.
void note_invalidation(AdminState& state, const Request& request, const InvalidateRequest& asked) {
  if (asked.scope.dry_run) return;
  const std::string keys = asked.prefix != nullptr
                               ? fmt::format("keys that begin with {}", std::string_view(asked.prefix->get_string()))
                           : asked.glob != nullptr ? fmt::format("keys that match {}", std::string_view(asked.glob->get_string()))
                                                   : fmt::format("a list of {} keys", asked.keys->get_array().size());
  note_change(state, request, fmt::format("{} in database {}", keys, asked.scope.database), {}, "invalidated");
}

Answer invalidate(AdminState& state, Request& request) {
  InvalidateRequest asked = read_request(request.body.get_object(), state.server.cache.options().namespaces);
  if (!asked.wrong.empty()) return invalid_request(asked.wrong);
  if (asked.keys != nullptr) {
    if (auto wrong = check_keys(*asked.keys); !wrong.empty()) return invalid_request(wrong);
    note_invalidation(state, request, asked);
    return std::make_unique<KeyInvalidation>(state, asked.scope, std::move(asked.keys->get_array()));
  }
  const Kind kind = asked.prefix != nullptr ? Kind::prefix : Kind::glob;
  const json::value& pattern = asked.prefix != nullptr ? *asked.prefix : *asked.glob;
  if (auto wrong = check_pattern(pattern, kind); !wrong.empty()) return invalid_request(wrong);
  note_invalidation(state, request, asked);
  return by_pattern(state, asked.scope, kind, pattern);
}

constexpr std::array kReplies = {
    RouteReply{.description = "How many keys there were and how many this request removed; nothing is removed in a dry run.",
               .schema = R"({"type": "object", "required": ["matched", "invalidated", "dry_run"], "properties": {
                 "matched": {"type": "integer"}, "invalidated": {"type": "integer"}, "dry_run": {"type": "boolean"}}})",
               .example = R"({"matched": 120, "invalidated": 120, "dry_run": false})"}};

constexpr std::array kRoutes = {
    Route{
        "POST",
        "/v1/invalidate",
        Access::token,
        Body::json,
        "Removes keys by name, prefix or glob pattern, or counts them in a dry run.",
        invalidate,
        {},
        kReplies,
        {"Exactly one of 'keys', 'prefix' and 'glob'.",
         R"({"type": "object", "additionalProperties": false, "properties": {"keys": {"type": "array", "items": {"type": "string"}},
             "prefix": {"type": "string"}, "glob": {"type": "string"}, "database": {"type": "integer", "minimum": 0},
             "dry_run": {"type": "boolean"}}})",
         R"({"prefix": "user:", "dry_run": true})"}},
};

}  // namespace

std::span<const Route> invalidate_routes() { return kRoutes; }

}  // namespace strata::server::admin
