#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/json/value.hpp>

#include "config/change.h"
#include "config/printable_text.h"
#include "config/schema.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

constexpr std::string_view kOrigin = "PATCH /v1/config";

Answer get_config(AdminState& state, json::value&) {
  const auto settings = state.server.settings.current();
  const config::Origins origins = state.server.settings.origins();
  json::object all;
  for (const config::Key& key : config::all_keys()) {
    const auto origin = origins.find(key.path);
    all[key.path] = {{"value", key.shown(*settings)},
                     {"origin", origin == origins.end() ? "default" : origin->second},
                     {"changeable", key.changeable}};
  }
  return json_response(200, std::move(all));
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

Response refused(const std::vector<config::Problem>& problems) {
  json::array list;
  for (const config::Problem& problem : problems) {
    const config::Problem without_key{.location = {}, .key = {}, .wrong = problem.wrong, .allowed = problem.allowed};
    list.push_back({{"key", problem.key}, {"message", without_key.text()}});
  }
  const std::string message =
      fmt::format("nothing was changed: {} of the changes {} wrong", problems.size(), problems.size() == 1 ? "is" : "are");
  return json_response(400, {{"error", {{"code", "invalid_config"}, {"message", message}, {"problems", std::move(list)}}}});
}

Answer patch_config(AdminState& state, json::value& body) {
  const json::object& object = body.get_object();
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
  auto found = problems.empty() ? state.server.settings.change(changes, kOrigin) : state.server.settings.check(changes);
  problems.insert(problems.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  if (!problems.empty()) return refused(problems);
  json::array changed;
  for (const auto& [path, text] : changes) {
    spdlog::info("{}: {} changed", kOrigin, path);  // never the value: it may be a secret
    changed.emplace_back(path);
  }
  return json_response(200, {{"changed", std::move(changed)}});
}

constexpr std::array kRoutes = {
    Route{"GET", "/v1/config", Access::token, Body::none,
          "Every key of the configuration with its value and where that comes from.", get_config},
    Route{"PATCH", "/v1/config", Access::token, Body::json, "Changes keys at run time, all of them or none.", patch_config},
};

}  // namespace

std::span<const Route> config_routes() { return kRoutes; }

}  // namespace strata::server::admin
