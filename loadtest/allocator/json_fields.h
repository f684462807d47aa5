#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace strata::loadtest::allocator {

// The members of a JSON object, in order. Names are literals of this program; string values are escaped.
struct Field {
  std::string_view name;
  std::variant<std::uint64_t, double, std::string> value;
};
using Fields = std::vector<Field>;

// {"a":1,"b":2.5,"c":"text"}
std::string json_object(const Fields& fields);

// What stands after the colon of that field.
std::string json_value(const Field& field);

}  // namespace strata::loadtest::allocator
