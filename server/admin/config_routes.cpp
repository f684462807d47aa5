#include <fmt/format.h>

#include <array>
#include <boost/json/value.hpp>

#include "config/change.h"
#include "config/printable_text.h"
#include "config/schema.h"
#include "server/admin/router.h"
#include "server/admin/settings_change.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer get_config(AdminState& state, Request&) {
  const SettingsStore::Snapshot now = state.server.settings.snapshot();
  json::object all;
  for (const config::Key& key : config::all_keys()) {
    const auto origin = now.origins.find(key.path);
    all[key.path] = {{"value", key.shown(*now.settings)},
                     {"origin", origin == now.origins.end() ? "default" : origin->second},
                     {"changeable", key.changeable}};
  }
  Response response = json_response(200, std::move(all));
  response.headers.emplace_back("ETag", settings_tag(state, now.revision));
  return response;
}

// A value as it would stand in the configuration file; nullopt where nothing there looks like it.
std::optional<std::string> text_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return std::string(value.get_string());
    case json::kind::int64: return std::to_string(value.get_int64());
    case json::kind::uint64: return std::to_string(value.get_uint64());
    case json::kind::double_: return fmt::format("{}", value.get_double());
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    default: return std::nullopt;
  }
}

Answer patch_config(AdminState& state, Request& request) {
  const json::object& object = request.body.get_object();
  // Before anything is copied: the store would refuse them too.
  if (object.size() > config::all_keys().size()) {
    return invalid_request(fmt::format("too many changes: {}; allowed: at most {}", object.size(), config::all_keys().size()));
  }
  std::vector<config::Change> changes;
  std::vector<config::Problem> problems;
  for (const auto& [path, value] : object) {
    if (auto text = text_of(value)) {
      changes.emplace_back(path, std::move(*text));
    } else {
      problems.push_back({{}, config::printable(path), "is neither text nor number nor true or false", {}});
    }
  }
  return change_settings(state, request, changes, std::move(problems));
}

// The members of a body that set keys of the configuration by shorter names.
struct Setting {
  std::string_view member;
  std::string_view path;
};

Answer put_settings(AdminState& state, Request& request, std::span<const Setting> settings) {
  std::vector<config::Change> changes;
  std::string allowed;
  for (const Setting& setting : settings) allowed.append(allowed.empty() ? "" : ", ").append(setting.member);
  for (const auto& [member, value] : request.body.get_object()) {
    const std::string_view name = member;
    const auto known =
        std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) { return setting.member == name; });
    if (known == settings.end())
      return invalid_request(fmt::format("unknown member {}; allowed: {}", config::quoted(name), allowed));
    auto text = text_of(value);
    if (!text) return invalid_request(fmt::format("'{}' has to be a text or a number", name));
    changes.emplace_back(known->path, std::move(*text));
  }
  if (!request.body.get_object().contains(settings.front().member))
    return invalid_request(fmt::format("'{}' has to be given", settings.front().member));
  return change_settings(state, request, changes);
}

template <std::size_t count>
json::array names_of(const std::array<std::string_view, count>& names) {
  json::array list;
  for (const std::string_view name : names) list.emplace_back(name);
  return list;
}

constexpr std::array kPolicySettings = {Setting{"policy", "memory.policy"},
                                        Setting{"eviction_samples", "memory.eviction_samples"}};
constexpr std::array kLogLevelSettings = {Setting{"level", "log.level"}};

// What the engine follows, which is what the settings say.
Answer get_policy(AdminState& state, Request&) {
  const cache::Tunables tunables = state.server.cache.tunables();
  return json_response(200, {{"policy", cache::policy_name(tunables.policy)},
                             {"eviction_samples", tunables.eviction_samples},
                             {"choices", names_of(config::kEvictionPolicyNames)}});
}

Answer put_policy(AdminState& state, Request& request) { return put_settings(state, request, kPolicySettings); }

Answer get_log_level(AdminState& state, Request&) {
  const auto level = static_cast<std::size_t>(state.server.settings.current()->log.level);
  return json_response(200, {{"level", config::kLogLevelNames.at(level)}, {"choices", names_of(config::kLogLevelNames)}});
}

Answer put_log_level(AdminState& state, Request& request) { return put_settings(state, request, kLogLevelSettings); }

constexpr Parameter kDryRun{.name = "dry_run",
                            .type = Parameter::Type::flag,
                            .description = "Whether to check the changes only, and tell what they would come to.",
                            .example = "true",
                            .usual = "false"};
constexpr std::array kPatchParameters = {
    kDryRun, Parameter{.name = "If-Match",
                       .in = Parameter::In::header,
                       .description = "Entity tags of GET /v1/config; nothing is changed where none of them is the one in force.",
                       .example = "\"0f3a9c51d2e4-7\""}};
constexpr std::array kPutParameters = {kDryRun};

constexpr std::array kConfigReplies = {RouteReply{
    .description = "Every key; the header ETag changes with each change.",
    .schema = R"({"type": "object", "additionalProperties": {"type": "object", "required": ["value", "origin", "changeable"],
                 "properties": {"value": {"type": "string"}, "origin": {"type": "string"}, "changeable": {"type": "boolean"}}}})",
    .example = R"({"log.level": {"value": "info", "origin": "default", "changeable": true}})"}};
constexpr std::string_view kChangeExample =
    R"({"dry_run": false, "changes": [{"key": "memory.policy", "from": "s3fifo", "to": "lru", "effect": "run time"}]})";
constexpr std::array kChangeReplies = {
    RouteReply{.description = "What changed, or would.", .schema = kSettingsChangeSchema, .example = kChangeExample}};
constexpr std::array kPatchReplies = {kChangeReplies[0],
                                      RouteReply{.status = 412,
                                                 .description = "The configuration is another one than If-Match names.",
                                                 .content_type = "application/problem+json",
                                                 .schema = R"({"$ref": "#/components/schemas/Problem"})"}};
constexpr std::array kPolicyReplies = {
    RouteReply{.description = "The policy in force.",
               .schema = R"({"type": "object", "required": ["policy", "eviction_samples", "choices"], "properties": {
                 "policy": {"type": "string"}, "eviction_samples": {"type": "integer"},
                 "choices": {"type": "array", "items": {"type": "string"}}}})",
               .example = R"({"policy": "s3fifo", "eviction_samples": 5, "choices": ["noeviction", "s3fifo", "lru"]})"}};
constexpr std::array kLogLevelReplies = {
    RouteReply{.description = "The level in force.",
               .schema = R"({"type": "object", "required": ["level", "choices"], "properties": {"level": {"type": "string"},
                 "choices": {"type": "array", "items": {"type": "string"}}}})",
               .example = R"({"level": "info", "choices": ["trace", "debug", "info", "warning", "error", "off"]})"}};

constexpr std::array kRoutes = {
    Route{"GET",
          "/v1/config",
          Access::token,
          Body::none,
          "Every key of the configuration with its value and where that comes from.",
          get_config,
          {},
          kConfigReplies},
    Route{"PATCH",
          "/v1/config",
          Access::token,
          Body::json,
          "Changes keys at run time, all of them or none.",
          patch_config,
          kPatchParameters,
          kPatchReplies,
          {"Keys and their new values, as in the configuration file.",
           R"({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})",
           R"({"memory.policy": "lru"})"}},
    Route{"GET",
          "/v1/policy",
          Access::token,
          Body::none,
          "The eviction policy, and which there are.",
          get_policy,
          {},
          kPolicyReplies},
    Route{
        "PUT",
        "/v1/policy",
        Access::token,
        Body::json,
        "Chooses another eviction policy.",
        put_policy,
        kPutParameters,
        kChangeReplies,
        {"The policy, and how many keys it compares.",
         R"({"type": "object", "required": ["policy"], "additionalProperties": false, "properties": {"policy": {"type": "string"},
             "eviction_samples": {"type": "integer", "minimum": 1, "maximum": 64}}})",
         R"({"policy": "lru"})"}},
    Route{"GET",
          "/v1/log-level",
          Access::token,
          Body::none,
          "Below which level messages are not written.",
          get_log_level,
          {},
          kLogLevelReplies},
    Route{
        "PUT",
        "/v1/log-level",
        Access::token,
        Body::json,
        "Chooses another log level.",
        put_log_level,
        kPutParameters,
        kChangeReplies,
        {"The level.",
         R"({"type": "object", "required": ["level"], "additionalProperties": false, "properties": {"level": {"type": "string"}}})",
         R"({"level": "debug"})"}},
};

}  // namespace

std::span<const Route> config_routes() { return kRoutes; }

}  // namespace strata::server::admin
