#include "tests/server/admin/json_schema.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>
#include <string_view>

namespace strata::server::admin {

namespace json = boost::json;

namespace {

bool has_type(const json::value& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  return false;
}

bool is_of(const json::value& value, const json::value& type) {
  if (type.is_string()) return has_type(value, std::string_view(type.get_string()));
  const auto& types = type.as_array();
  return std::any_of(types.begin(), types.end(), [&](const json::value& one) { return has_type(value, one.as_string()); });
}

std::string wrong_members(const json::object& value, const json::object& schema, const json::object& document,
                          const std::string& path) {
  if (const auto* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (!value.contains(name.as_string())) return path + " lacks " + std::string(name.as_string());
    }
  }
  const auto* properties = schema.if_contains("properties");
  const auto* others = schema.if_contains("additionalProperties");
  for (const auto& [name, member] : value) {
    const std::string place = path + "." + std::string(name);
    const json::value* known = properties != nullptr ? properties->as_object().if_contains(name) : nullptr;
    if (known == nullptr && others != nullptr && others->is_bool() && !others->as_bool()) return place + " is not allowed";
    if (known == nullptr && others != nullptr && others->is_object()) known = others;
    if (known == nullptr) continue;
    if (auto wrong = not_as_schema(member, known->as_object(), document, place); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace

std::string not_as_schema(const json::value& value, const json::object& schema, const json::object& document,
                          const std::string& path) {
  static const std::set<std::string_view> known = {"$ref",    "type",   "required", "properties",  "additionalProperties",
                                                   "items",   "enum",   "oneOf",    "description", "minimum",
                                                   "maximum", "format", "pattern",  "default"};
  for (const auto& member : schema) {
    if (!known.contains(std::string_view(member.key()))) return path + " has a schema with " + std::string(member.key());
  }
  if (const auto* reference = schema.if_contains("$ref")) {
    static constexpr std::string_view kPrefix = "#/components/schemas/";
    const std::string_view target = reference->as_string();
    if (!target.starts_with(kPrefix)) return path + " refers to " + std::string(target);
    const json::object& schemas = document.at("components").at("schemas").as_object();
    const json::value* found = schemas.if_contains(target.substr(kPrefix.size()));
    if (found == nullptr) return path + " refers to nothing: " + std::string(target);
    return not_as_schema(value, found->as_object(), document, path);
  }
  if (const auto* choices = schema.if_contains("oneOf")) {
    const auto fitting = std::count_if(choices->as_array().begin(), choices->as_array().end(), [&](const json::value& one) {
      return not_as_schema(value, one.as_object(), document, path).empty();
    });
    return fitting == 1 ? "" : path + " fits " + std::to_string(fitting) + " of oneOf";
  }
  if (const auto* type = schema.if_contains("type"); type != nullptr && !is_of(value, *type))
    return path + " is no " + json::serialize(*type) + ": " + json::serialize(value);
  if (const auto* names = schema.if_contains("enum")) {
    const auto& all = names->as_array();
    if (std::find(all.begin(), all.end(), value) == all.end()) return path + " is none of " + json::serialize(*names);
  }
  if (value.is_object()) return wrong_members(value.get_object(), schema, document, path);
  if (const auto* items = schema.if_contains("items"); items != nullptr && value.is_array()) {
    for (const json::value& item : value.get_array()) {
      if (auto wrong = not_as_schema(item, items->as_object(), document, path + "[]"); !wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace strata::server::admin
