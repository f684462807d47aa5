#include <fmt/format.h>

#include <array>
#include <boost/json/value.hpp>

#include "config/printable_text.h"
#include "server/admin/key_listing.h"
#include "server/admin/lossless_text.h"
#include "server/admin/page_parameters.h"
#include "server/admin/percent_coding.h"
#include "server/admin/router.h"
#include "server/commands/held_value.h"
#include "server/commands/object_facts.h"
#include "server/commands/value_condition.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

constexpr std::string_view kOctets = "application/octet-stream";

Answer list_keys(AdminState& state, Request& request) {
  auto [database, refusal] = database_of(state, request);
  if (refusal) return std::move(*refusal);
  return std::make_unique<KeyListing>(state, database, std::string(request.text("match")),
                                      static_cast<std::uint64_t>(request.integer("cursor")), limit_of(request));
}

Response no_such_key(Namespace database, std::string_view key) {
  return error_response(404, "no_such_key", fmt::format("there is no key {} in database {}", config::quoted(key), database));
}

std::string name_of(Namespace database, std::string_view key) {
  return fmt::format("key {} in database {}", config::quoted(key), database);
}

Answer value_of(HeldValue held) {
  Response response;
  response.content_type = kOctets;
  response.body = std::move(held.small);
  response.value = std::move(held.large);
  return response;
}

// Looks without touching: neither statistics nor what the policy knows of the key change.
Answer get_key(AdminState& state, Request& request) {
  auto [database, refusal] = database_of(state, request);
  if (refusal) return std::move(*refusal);
  Cache& cache = state.server.cache;
  const std::string_view name = request.text("key");
  const Key key = cache.key(database, name);
  const bool raw = request.text("value") == "raw" || request.text("Accept") == kOctets;
  HeldValue held;
  json::object facts;
  const bool found = cache.peek(*state.session, key, [&](const ItemView& item) {
    if (raw) return held.take(item);
    const bool expires = item.expire_at_ms != kNoExpiry;
    facts = {{"key", lossless(name)},
             {"database", key.ns},
             {"type", "string"},
             {"encoding", encoding_name(item.value)},
             {"bytes", item.value.size()},
             {"ttl_ms", expires ? json::value(item.expire_at_ms - state.session->now_ms()) : json::value()},
             {"expires_at_ms", expires ? json::value(item.expire_at_ms) : json::value()}};
  });
  if (!found) return no_such_key(database, name);
  if (raw) return value_of(std::move(held));
  const auto hits = counts_hits(cache.tunables().policy) ? cache.hits(*state.session, key) : std::nullopt;
  facts["frequency"] = hits ? json::value(*hits) : json::value();
  return json_response(200, std::move(facts));
}

Response not_stored(const AdminState& state, Status status) {
  if (status == Status::too_large) {
    return error_response(413, "value_too_large", fmt::format("the value is too large; allowed: {} bytes", kMaxValueBytes));
  }
  const cache::Tunables tunables = state.server.cache.tunables();
  return error_response(
      507, "out_of_memory",
      fmt::format("nothing was stored: there is no memory for it below the limit of {} bytes (memory.max_memory), and "
                  "the policy {} finds nothing to evict for it (memory.policy)",
                  state.server.cache.budget().limit_bytes(), cache::policy_name(tunables.policy)));
}

// What is to become of a key, as the request says it.
struct Wanted {
  ValueCondition condition;
  bool keep_ttl = false;
  std::int64_t expire_at_ms = kNoExpiry;

  Wanted(const AdminState& state, const Request& request) : keep_ttl(request.flag("keep_ttl")) {
    if (request.text("condition") == "absent") condition.kind = ValueCondition::Kind::absent;
    if (request.text("condition") == "present") condition.kind = ValueCondition::Kind::present;
    if (request.has("ttl")) expire_at_ms = state.session->now_ms() + request.duration("ttl").count();
  }
};

Answer put_key(AdminState& state, Request& request) {
  auto [database, refusal] = database_of(state, request);
  if (refusal) return std::move(*refusal);
  if (request.has("ttl") && request.flag("keep_ttl")) return invalid_request("'ttl' and 'keep_ttl' exclude each other");
  Cache& cache = state.server.cache;
  const std::string_view name = request.text("key");
  const Wanted wanted(state, request);
  bool is_allowed = false;
  std::string before;
  const Status status = cache.update(*state.session, cache.key(database, name), [&](Decision& decision) {
    const ItemView* current = decision.current();
    before = current == nullptr ? "" : fmt::format("{} bytes", current->value.size());
    is_allowed = wanted.condition.allows(current);
    if (!is_allowed) return;
    const std::int64_t expiry = wanted.keep_ttl && current != nullptr ? current->expire_at_ms : wanted.expire_at_ms;
    request.block ? decision.put(request.block, expiry) : decision.put(std::string_view(request.bytes), expiry);
  });
  if (status != Status::ok) return not_stored(state, status);
  if (!is_allowed) {
    return error_response(
        412, "condition_failed",
        fmt::format("{} is {}; nothing was stored", name_of(database, name), before.empty() ? "absent" : "present"));
  }
  note_change(state, request, name_of(database, name), before, fmt::format("{} bytes", request.content().size()));
  Response response = empty_response(before.empty() ? 201 : 204);
  if (before.empty())
    response.headers.emplace_back("Location", fmt::format("/v1/keys/{}?database={}", percent_encode(name), database));
  return response;
}

Answer delete_key(AdminState& state, Request& request) {
  auto [database, refusal] = database_of(state, request);
  if (refusal) return std::move(*refusal);
  Cache& cache = state.server.cache;
  const std::string_view name = request.text("key");
  bool was_there = false;
  const Status status = cache.remove(*state.session, cache.key(database, name), was_there);
  if (status != Status::ok) {
    return error_response(503, "out_of_memory",
                          fmt::format("there is no memory to take out {}; nothing was removed", name_of(database, name)));
  }
  if (!was_there) return no_such_key(database, name);
  note_change(state, request, name_of(database, name), {}, "removed");
  return empty_response(204);
}

constexpr std::array<std::string_view, 2> kValueForms = {"none", "raw"};
constexpr std::array<std::string_view, 3> kConditions = {"any", "absent", "present"};
constexpr Parameter kKey{.name = "key",
                         .in = Parameter::In::path,
                         .description = "The name of the key, percent-encoded: any bytes, '/' as %2F.",
                         .example = "user%3A17"};
constexpr std::array kListParameters = {
    Parameter{.name = "match", .description = "Only keys that match this glob pattern.", .example = "user:*", .usual = "*"},
    kDatabase,
    Parameter{.name = "cursor",
              .type = Parameter::Type::integer,
              .description = "Where to go on: what the page before answered; 0 begins.",
              .example = "0",
              .usual = "0"},
    Parameter{.name = "limit",
              .type = Parameter::Type::integer,
              .description = "How many keys; a few more may come.",
              .example = "100",
              .usual = "100",
              .minimum = 1,
              .maximum = KeyListing::kMostKeys}};
constexpr std::array kGetParameters = {kKey, kDatabase,
                                       Parameter{.name = "value",
                                                 .type = Parameter::Type::choice,
                                                 .description = "Whether the answer is the value instead of facts about it.",
                                                 .example = "raw",
                                                 .usual = "none",
                                                 .choices = kValueForms},
                                       Parameter{.name = "Accept",
                                                 .in = Parameter::In::header,
                                                 .description = "application/octet-stream asks for the value, too.",
                                                 .example = "application/octet-stream"}};
constexpr std::array kPutParameters = {kKey, kDatabase,
                                       Parameter{.name = "ttl",
                                                 .type = Parameter::Type::duration,
                                                 .description = "How long the key lives, from now on.",
                                                 .example = "90s",
                                                 .minimum = 1,
                                                 .maximum = 1000LL * 365 * 24 * 3600 * 1000},
                                       Parameter{.name = "keep_ttl",
                                                 .type = Parameter::Type::flag,
                                                 .description = "Whether the key expires when it would have.",
                                                 .example = "true",
                                                 .usual = "false"},
                                       Parameter{.name = "condition",
                                                 .type = Parameter::Type::choice,
                                                 .description = "What the key has to be for the value to be stored.",
                                                 .example = "absent",
                                                 .usual = "any",
                                                 .choices = kConditions}};
constexpr std::array kDeleteParameters = {kKey, kDatabase};

constexpr std::string_view kProblemSchema = R"({"$ref": "#/components/schemas/Problem"})";
constexpr std::string_view kProblemType = "application/problem+json";
constexpr RouteReply kNoSuchKey{
    .status = 404, .description = "There is no such key.", .content_type = kProblemType, .schema = kProblemSchema};
constexpr std::array kListReplies = {RouteReply{
    .description = "Some keys, and the cursor to go on at; 0: that was the end. A page may be empty before that. Whoever goes on "
                   "to the end sees "
                   "every key that is there all the time, once.",
    .schema =
        R"({"type": "object", "required": ["keys", "cursor"], "properties": {"cursor": {"type": "integer"}, "keys": {"type": "array",
      "items": {"type": "object", "required": ["key", "bytes", "expires_at_ms"], "properties": {
      "key": {"$ref": "#/components/schemas/Bytes"}, "bytes": {"type": "integer"}, "expires_at_ms": {"type": ["integer", "null"]},
      "key_bytes": {"type": "integer", "description": "The length of a key that is too long to be shown whole."}}}}}})",
    .example = R"({"keys": [{"key": "user:17", "bytes": 5, "expires_at_ms": null}, {"key": {"base64": "/wA="}, "bytes": 1,
      "expires_at_ms": 1767225600000}], "cursor": 0})"}};
constexpr std::array kGetReplies = {
    RouteReply{
        .description = "Facts about the key, or its value.",
        .schema =
            R"({"type": "object", "required": ["key", "database", "type", "encoding", "bytes", "ttl_ms", "expires_at_ms", "frequency"],
                 "properties": {"key": {"$ref": "#/components/schemas/Bytes"}, "database": {"type": "integer"}, "type": {"type": "string"},
                 "encoding": {"type": "string"}, "bytes": {"type": "integer"}, "ttl_ms": {"type": ["integer", "null"]},
                 "expires_at_ms": {"type": ["integer", "null"]}, "frequency": {"type": ["integer", "null"]}}})",
        .example = R"({"key": "user:17", "database": 0, "type": "string", "encoding": "embstr", "bytes": 5, "ttl_ms": 90000,
                 "expires_at_ms": 1767225690000, "frequency": 1})"},
    kNoSuchKey};
constexpr std::array kPutReplies = {RouteReply{.status = 201, .description = "The key is new."},
                                    RouteReply{.status = 204, .description = "The key has another value now."},
                                    RouteReply{.status = 412,
                                               .description = "The key is not what the condition wants.",
                                               .content_type = kProblemType,
                                               .schema = kProblemSchema},
                                    RouteReply{.status = 507,
                                               .description = "There is no memory for it; nothing was stored.",
                                               .content_type = kProblemType,
                                               .schema = kProblemSchema}};
constexpr std::array kDeleteReplies = {RouteReply{.status = 204, .description = "The key is gone."}, kNoSuchKey};

constexpr std::array kRoutes = {
    Route{"GET", "/v1/keys", Access::token, Body::none, "The names of keys, in pages.", list_keys, kListParameters, kListReplies},
    Route{"GET", "/v1/keys/{key}", Access::token, Body::none, "Facts about one key, or its value; the policy does not notice.",
          get_key, kGetParameters, kGetReplies},
    Route{"PUT",
          "/v1/keys/{key}",
          Access::token,
          Body::bytes,
          "Stores a value.",
          put_key,
          kPutParameters,
          kPutReplies,
          {"The value: any bytes, up to limits.bulk_length of them."}},
    Route{"DELETE", "/v1/keys/{key}", Access::token, Body::none, "Removes a key.", delete_key, kDeleteParameters, kDeleteReplies},
};

}  // namespace

std::span<const Route> keys_routes() { return kRoutes; }

}  // namespace strata::server::admin
