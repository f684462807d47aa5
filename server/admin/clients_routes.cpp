#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>

#include "server/admin/lossless_text.h"
#include "server/admin/page_parameters.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

json::value shown(const Client& client, std::int64_t now_ms) {
  const Client::Identity& who = client.identity();
  const Client::Activity& activity = client.activity;
  const auto relaxed = [](const auto& field) { return field.load(std::memory_order_relaxed); };
  const Command* last = relaxed(activity.last_command);
  const auto since = [now_ms](std::int64_t then_ms) { return std::max<std::int64_t>(now_ms - then_ms, 0); };
  return {{"id", who.id},
          {"address", who.peer_address},
          {"local_address", who.local_address},
          {"name", lossless(client.name())},
          {"library", lossless(client.library_name())},
          {"library_version", lossless(client.library_version())},
          {"database", client.database()},
          {"protocol", client.resp3() ? 3 : 2},
          {"age_ms", since(who.connected_at_ms)},
          {"idle_ms", since(relaxed(activity.last_active_ms))},
          {"last_command", last != nullptr ? json::value(last->full_name) : json::value()},
          {"query_buffer_bytes", relaxed(activity.query_buffer_bytes)},
          {"output_bytes", relaxed(activity.output_bytes)},
          {"held_bytes", client.held_bytes()},
          {"is_spared", client.is_spared()}};
}

Answer get_clients(AdminState& state, Request& request) {
  const auto clients = state.server.clients.page(static_cast<std::uint64_t>(request.integer("after")), limit_of(request));
  const std::int64_t now_ms = wall_clock_ms();
  json::array list;
  for (const auto& client : clients) list.push_back(shown(*client, now_ms));
  return json_response(200, {{"connected", state.server.clients.size()}, {"clients", std::move(list)}});
}

Response no_such_client(const Request& request) {
  return error_response(404, "no_such_client", fmt::format("there is no client {}", request.text("id")));
}

Answer get_client(AdminState& state, Request& request) {
  const auto client = state.server.clients.find(static_cast<std::uint64_t>(request.integer("id")));
  return client ? json_response(200, shown(*client, wall_clock_ms())) : no_such_client(request);
}

Answer kill_client(AdminState& state, Request& request) {
  const auto client = state.server.clients.find(static_cast<std::uint64_t>(request.integer("id")));
  if (!client || !client->disconnect(Client::Reason::killed)) return no_such_client(request);
  note_change(state, request, fmt::format("client {}", client->identity().id), client->identity().peer_address, {});
  return empty_response(204);
}

constexpr std::array kListParameters = {
    Parameter{.name = "after",
              .type = Parameter::Type::integer,
              .description = "Only clients with an id above this one: the last of the page before.",
              .example = "0",
              .usual = "0"},
    kFewAtOnce};
constexpr std::array kIdParameters = {Parameter{.name = "id",
                                                .in = Parameter::In::path,
                                                .type = Parameter::Type::integer,
                                                .description = "The number of the client, as CLIENT LIST has it.",
                                                .example = "17",
                                                .minimum = 1}};
constexpr std::string_view kClientExample =
    R"({"id": 17, "address": "127.0.0.1:50614", "local_address": "127.0.0.1:6379", "name": "worker",
  "library": "redis-py", "library_version": "5.0.1", "database": 0, "protocol": 3, "age_ms": 90210, "idle_ms": 12, "last_command": "get",
  "query_buffer_bytes": 0, "output_bytes": 0, "held_bytes": 0, "is_spared": false})";
constexpr std::string_view kListExample = R"({"connected": 1, "clients": [{"id": 17, "address": "127.0.0.1:50614",
  "local_address": "127.0.0.1:6379", "name": "worker", "library": "redis-py", "library_version": "5.0.1", "database": 0, "protocol": 3,
  "age_ms": 90210, "idle_ms": 12, "last_command": "get", "query_buffer_bytes": 0, "output_bytes": 0, "held_bytes": 0, "is_spared": false}]})";
constexpr RouteReply kNoSuchClient{.status = 404,
                                   .description = "There is no such client.",
                                   .content_type = "application/problem+json",
                                   .schema = R"({"$ref": "#/components/schemas/Problem"})"};
constexpr std::array kListReplies = {RouteReply{
    .description = "The clients, in order of their id.",
    .schema = R"({"type": "object", "required": ["connected", "clients"], "properties": {"connected": {"type": "integer"},
                 "clients": {"type": "array", "items": {"$ref": "#/components/schemas/Client"}}}})",
    .example = kListExample}};
constexpr std::array kGetReplies = {
    RouteReply{.description = "The client.", .schema = R"({"$ref": "#/components/schemas/Client"})", .example = kClientExample},
    kNoSuchClient};
constexpr std::array kKillReplies = {RouteReply{.status = 204, .description = "It is being disconnected."}, kNoSuchClient};

constexpr std::array kRoutes = {
    Route{"GET", "/v1/clients", Access::token, Body::none, "The clients that are connected.", get_clients, kListParameters,
          kListReplies},
    Route{"GET", "/v1/clients/{id}", Access::token, Body::none, "One client.", get_client, kIdParameters, kGetReplies},
    Route{"DELETE", "/v1/clients/{id}", Access::token, Body::none, "Disconnects a client.", kill_client, kIdParameters,
          kKillReplies},
};

}  // namespace

std::span<const Route> clients_routes() { return kRoutes; }

}  // namespace strata::server::admin
