#include "server/admin/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/printable_text.h"
#include "config/value.h"
#include "server/admin/percent_coding.h"

namespace strata::server::admin {

namespace {

using In = Parameter::In;
using Type = Parameter::Type;

std::string_view kind_of(In in) noexcept {
  switch (in) {
    case In::path: return "the path parameter";
    case In::query: return "the query parameter";
    case In::header: return "the header";
  }
  return {};
}

std::string named(const Parameter& parameter) { return fmt::format("{} '{}'", kind_of(parameter.in), parameter.name); }

// What is wrong with a value, if something is.
std::string wrong_with(const Parameter& parameter, std::string_view value) {
  switch (parameter.type) {
    case Type::text: return {};
    case Type::integer: {
      const auto number = config::parse_integer(value);
      if (number && *number >= parameter.minimum && *number <= parameter.maximum) return {};
      return fmt::format("{} has to be an integer from {} to {}; got {}", named(parameter), parameter.minimum, parameter.maximum,
                         config::quoted(value));
    }
    case Type::flag:
      if (value == "true" || value == "false") return {};
      return fmt::format("{} has to be true or false; got {}", named(parameter), config::quoted(value));
    case Type::duration: {
      const auto duration = config::parse_duration(value);
      if (duration && duration->count() >= parameter.minimum && duration->count() <= parameter.maximum) return {};
      return fmt::format("{} has to be a duration from {} to {}, such as 90, 90s or 1500ms; got {}", named(parameter),
                         config::format_duration(std::chrono::milliseconds(parameter.minimum)),
                         config::format_duration(std::chrono::milliseconds(parameter.maximum)), config::quoted(value));
    }
    case Type::choice:
      if (std::find(parameter.choices.begin(), parameter.choices.end(), value) != parameter.choices.end()) return {};
      return fmt::format("{} has to be one of {}; got {}", named(parameter), fmt::join(parameter.choices, ", "),
                         config::quoted(value));
  }
  return {};
}

Response not_decodable(std::string_view what, std::string_view text) {
  return error_response(400, "invalid_encoding",
                        fmt::format("{}: '%' has to be followed by two hexadecimal digits; got {}", what, config::quoted(text)));
}

std::string_view header_of(const RequestHead& head, std::string_view name) noexcept {
  if (name == "Accept") return head.accept;
  if (name == "If-Match") return head.if_match;
  return {};
}

std::string names_of_query(const Route& route) {
  std::string names;
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in == In::query) names.append(names.empty() ? "" : ", ").append(parameter.name);
  }
  return names.empty() ? "none" : names;
}

}  // namespace

std::optional<Response> Request::read(const Route& route, const PathValues& path, const RequestHead& head) {
  route_ = &route;
  values_.clear();
  peer.assign(head.peer);
  std::size_t places = 0;
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in == In::query) continue;
    const bool in_path = parameter.in == In::path;
    const std::string_view sent = in_path ? path.at.at(places++) : header_of(head, parameter.name);
    if (!in_path && sent.empty()) continue;
    auto value = in_path ? percent_decode(sent, Plus::itself) : std::string(sent);
    if (!value) return not_decodable(named(parameter), sent);
    if (auto refusal = take(parameter, std::move(*value))) return refusal;
  }
  const std::size_t mark = head.target.find('?');
  // Balancers add to the address of a health check what they like.
  if (mark == std::string_view::npos || route.access == Access::open) return std::nullopt;
  return read_query(head.target.substr(mark + 1));
}

std::optional<Response> Request::read_query(std::string_view query) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals), Plus::blank);
    if (!name) return not_decodable("the name of a query parameter", pair.substr(0, equals));
    const auto known = std::find_if(route_->parameters.begin(), route_->parameters.end(),
                                    [&](const Parameter& row) { return row.in == In::query && row.name == *name; });
    if (known == route_->parameters.end()) {
      return invalid_request(
          fmt::format("unknown query parameter {}; allowed: {}", config::quoted(*name), names_of_query(*route_)));
    }
    const std::string_view sent = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    auto value = percent_decode(sent, Plus::blank);
    if (!value) return not_decodable(named(*known), sent);
    if (given(known->name) != nullptr) return invalid_request(fmt::format("{} is given twice", named(*known)));
    if (auto refusal = take(*known, std::move(*value))) return refusal;
  }
  return std::nullopt;
}

std::optional<Response> Request::take(const Parameter& parameter, std::string value) {
  if (const std::string wrong = wrong_with(parameter, value); !wrong.empty()) return invalid_request(wrong);
  values_.emplace_back(&parameter, std::move(value));
  return std::nullopt;
}

const std::string* Request::given(std::string_view name) const noexcept {
  for (const auto& [parameter, value] : values_) {
    if (parameter->name == name) return &value;
  }
  return nullptr;
}

std::string_view Request::text(std::string_view name) const noexcept {
  if (const std::string* value = given(name)) return *value;
  for (const Parameter& parameter : route_->parameters) {
    if (parameter.name == name) return parameter.usual;
  }
  return {};
}

std::int64_t Request::integer(std::string_view name) const noexcept { return config::parse_integer(text(name)).value_or(0); }

bool Request::flag(std::string_view name) const noexcept { return text(name) == "true"; }

std::chrono::milliseconds Request::duration(std::string_view name) const noexcept {
  return config::parse_duration(text(name)).value_or(std::chrono::milliseconds(0));
}

DatabaseParameter database_of(const AdminState& state, const Request& request) {
  const auto number = static_cast<std::uint64_t>(request.integer("database"));
  const std::size_t databases = state.server.cache.options().namespaces;
  if (number < databases) return {static_cast<Namespace>(number), std::nullopt};
  return {0,
          invalid_request(fmt::format("there is no database {}; the last one is {} (server.databases)", number, databases - 1))};
}

}  // namespace strata::server::admin
