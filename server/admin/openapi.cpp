#include "server/admin/openapi.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "config/value.h"
#include "server/admin/router.h"
#include "server/commands/words.h"
#include "server/version.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

using In = Parameter::In;
using Type = Parameter::Type;

struct NamedSchema {
  std::string_view name;
  std::string_view schema;
};

// What several routes speak of.
constexpr std::array kSchemas = {
    NamedSchema{"Bytes",
                R"({"description": "Any bytes: a text where they are UTF-8, otherwise as base64.", "oneOf": [{"type": "string"},
      {"type": "object", "required": ["base64"], "properties": {"base64": {"type": "string"}}}]})"},
    NamedSchema{"Problem",
                R"({"description": "RFC 9457. `error.code` is for programs and never changes; `error.message` is for people.",
      "type": "object", "required": ["type", "title", "status", "detail", "error"], "properties": {"type": {"type": "string"},
      "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}, "error": {"type": "object",
      "required": ["code", "message"], "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}}})"},
    NamedSchema{"SettingsChange",
                R"({"type": "object", "required": ["dry_run", "changes"], "properties": {"dry_run": {"type": "boolean"},
      "changes": {"type": "array", "items": {"type": "object", "required": ["key", "from", "to", "effect"], "properties": {
      "key": {"type": "string"}, "from": {"type": "string"}, "to": {"type": "string"},
      "effect": {"type": "string", "enum": ["run time", "restart"]}}}}}})"},
    NamedSchema{
        "Client",
        R"({"type": "object", "required": ["id", "address", "local_address", "name", "library", "library_version", "database",
      "protocol", "age_ms", "idle_ms", "last_command", "query_buffer_bytes", "output_bytes", "held_bytes", "is_spared"], "properties": {
      "id": {"type": "integer"}, "address": {"type": "string"}, "local_address": {"type": "string"},
      "name": {"$ref": "#/components/schemas/Bytes"}, "library": {"$ref": "#/components/schemas/Bytes"},
      "library_version": {"$ref": "#/components/schemas/Bytes"}, "database": {"type": "integer"}, "protocol": {"type": "integer"},
      "age_ms": {"type": "integer"}, "idle_ms": {"type": "integer"}, "last_command": {"type": ["string", "null"]},
      "query_buffer_bytes": {"type": "integer"}, "output_bytes": {"type": "integer"}, "held_bytes": {"type": "integer"},
      "is_spared": {"type": "boolean"}}})"},
    NamedSchema{"Memory",
                R"({"type": "object", "required": ["bytes", "total_bytes", "charged_resident_bytes", "limit_bytes", "peak_bytes",
      "resident_bytes"], "properties": {"bytes": {"type": "object", "additionalProperties": {"type": "integer"}},
      "total_bytes": {"type": "integer"}, "charged_resident_bytes": {"type": "integer"}, "limit_bytes": {"type": "integer"},
      "peak_bytes": {"type": "integer"}, "resident_bytes": {"type": "object", "additionalProperties": {"type": "integer"}},
      "max_memory_bytes": {"type": "integer"}, "process_resident_bytes": {"type": "integer"}, "fragmentation_ratio": {"type": "number"},
      "retired_bytes": {"type": "integer"}, "client_values_bytes": {"type": "integer"},
      "allocator": {"type": "object", "additionalProperties": {"type": "integer"}}}})"},
};

json::value parsed(std::string_view text) { return json::parse(json::string_view(text.data(), text.size())); }

std::string_view place_of(In in) noexcept {
  switch (in) {
    case In::path: return "path";
    case In::query: return "query";
    case In::header: return "header";
  }
  return {};
}

json::value typed(const Parameter& parameter, std::string_view text) {
  if (parameter.type == Type::integer) return config::parse_integer(text).value_or(0);
  if (parameter.type == Type::flag) return text == "true";
  return json::value(text);
}

json::object schema_of(const Parameter& parameter) {
  json::object schema;
  switch (parameter.type) {
    case Type::text: schema["type"] = "string"; break;
    case Type::duration: schema = {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)?$"}}; break;
    case Type::flag: schema["type"] = "boolean"; break;
    case Type::integer:
      schema = {{"type", "integer"}, {"minimum", parameter.minimum}};
      if (parameter.maximum != std::numeric_limits<std::int64_t>::max()) schema["maximum"] = parameter.maximum;
      break;
    case Type::choice: {
      json::array choices;
      for (const std::string_view choice : parameter.choices) choices.emplace_back(choice);
      schema = {{"type", "string"}, {"enum", std::move(choices)}};
      break;
    }
  }
  if (!parameter.usual.empty()) schema["default"] = typed(parameter, parameter.usual);
  return schema;
}

json::array parameters_of(const Route& route) {
  json::array list;
  for (const Parameter& parameter : route.parameters) {
    list.push_back({{"name", parameter.name},
                    {"in", place_of(parameter.in)},
                    {"required", parameter.in == In::path},
                    {"description", parameter.description},
                    {"schema", schema_of(parameter)},
                    {"example", typed(parameter, parameter.example)}});
  }
  return list;
}

json::object content_of(std::string_view type, std::string_view schema, std::string_view example) {
  json::object media{{"schema", parsed(schema)}};
  if (!example.empty()) media["example"] = parsed(example);
  return {{type, std::move(media)}};
}

json::object request_body_of(const Route& route) {
  const std::string_view schema = route.body == Body::json ? route.content.schema : R"({"type": "string", "format": "binary"})";
  const std::string_view type = route.body == Body::json ? "application/json" : "application/octet-stream";
  return {{"description", route.content.description},
          {"required", true},
          {"content", content_of(type, schema, route.content.example)}};
}

json::object responses_of(const Route& route) {
  json::object all;
  for (const RouteReply& reply : route.replies) {
    json::object one{{"description", reply.description}};
    if (!reply.schema.empty()) one["content"] = content_of(reply.content_type, reply.schema, reply.example);
    all[std::to_string(reply.status)] = std::move(one);
  }
  all["default"] = {{"description", "A problem."},
                    {"content", content_of("application/problem+json", R"({"$ref": "#/components/schemas/Problem"})", {})}};
  return all;
}

// A name for programs: "GET /v1/keys/{key}" is get_v1_keys_key.
std::string operation_id(const Route& route) {
  std::string id = lower_case(route.method);
  for (const char c : route.path) {
    if (c == '{' || c == '}') continue;
    id += c == '/' || c == '-' ? '_' : c;
  }
  return id;
}

json::object operation_of(const Route& route) {
  json::object operation{{"operationId", operation_id(route)}, {"summary", route.summary}};
  if (!route.parameters.empty()) operation["parameters"] = parameters_of(route);
  if (route.body != Body::none) operation["requestBody"] = request_body_of(route);
  operation["responses"] = responses_of(route);
  operation["security"] = route.access == Access::open ? json::array() : json::array{json::object{{"token", json::array()}}};
  return operation;
}

}  // namespace

json::object make_openapi() {
  json::object paths;
  for (const Route& route : all_routes()) {
    if (!paths.contains(route.path)) paths[route.path] = json::object();
    paths[route.path].as_object()[lower_case(route.method)] = operation_of(route);
  }
  json::object schemas;
  for (const NamedSchema& row : kSchemas) schemas[row.name] = parsed(row.schema);
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Strata admin API"},
            {"version", kVersion},
            {"description", "HEAD is served wherever GET is. Every problem is application/problem+json."}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", std::move(schemas)}, {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

const std::string& openapi_text() {
  static const std::string text = json::serialize(make_openapi()) + "\n";
  return text;
}

}  // namespace strata::server::admin
