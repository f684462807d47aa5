#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>

#include "config/value.h"
#include "server/admin/openapi.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace {

using Type = Parameter::Type;

std::string allowed_of(const Parameter& parameter) {
  switch (parameter.type) {
    case Type::text: return "a text";
    case Type::flag: return "true, false";
    case Type::duration: return "a duration such as 90, 90s, 1500ms";
    case Type::choice: return fmt::format("{}", fmt::join(parameter.choices, ", "));
    case Type::integer:
      return parameter.maximum == std::numeric_limits<std::int64_t>::max()
                 ? fmt::format("an integer, at least {}", parameter.minimum)
                 : fmt::format("{} to {}", parameter.minimum, parameter.maximum);
  }
  return {};
}

std::string place_of(const Parameter& parameter) {
  switch (parameter.in) {
    case Parameter::In::path: return "path";
    case Parameter::In::query: return "query";
    case Parameter::In::header: return "header";
  }
  return {};
}

void add_parameters(std::string& text, const Route& route) {
  if (route.parameters.empty()) return;
  text += "| parameter | in | allowed | default | what it is |\n|---|---|---|---|---|\n";
  for (const Parameter& parameter : route.parameters) {
    const std::string usual = parameter.usual.empty() ? "" : fmt::format("`{}`", parameter.usual);
    fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} | {} |\n", parameter.name, place_of(parameter),
                   allowed_of(parameter), usual, parameter.description);
  }
  text += '\n';
}

// The examples of the table are laid out for its source.
std::string on_one_line(std::string_view json) {
  std::string line;
  for (const char c : json) {
    if (c == '\n' || (c == ' ' && line.ends_with(' '))) continue;
    line += c;
  }
  return line;
}

void add_route(std::string& text, const Route& route) {
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "### {} {}\n\n{}{}\n\n", route.method, route.path, route.summary,
                 route.access == Access::open ? " Takes no token." : "");
  add_parameters(text, route);
  if (route.body != Body::none) fmt::format_to(out, "Body: {}\n\n", route.content.description);
  if (!route.content.example.empty()) fmt::format_to(out, "```json\n{}\n```\n\n", on_one_line(route.content.example));
  for (const RouteReply& reply : route.replies) {
    fmt::format_to(out, "- {}: {}\n", reply.status, reply.description);
  }
  text += '\n';
  for (const RouteReply& reply : route.replies) {
    if (!reply.example.empty()) fmt::format_to(out, "```json\n{}\n```\n\n", on_one_line(reply.example));
  }
}

}  // namespace

std::string admin_api_reference() {
  std::string text;
  for (const Route& route : all_routes()) add_route(text, route);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace strata::server::admin
