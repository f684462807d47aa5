#include "loadtest/allocator/json_fields.h"

#include <array>
#include <cstdio>

namespace strata::loadtest::allocator {
namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      result += '\\';
      result += character;
    } else if (static_cast<unsigned char>(character) < 0x20) {
      std::array<char, 8> escape;
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(character));
      result += escape.data();
    } else {
      result += character;
    }
  }
  return result + '"';
}

}  // namespace

std::string json_value(const Field& field) {
  if (const auto* count = std::get_if<std::uint64_t>(&field.value)) return std::to_string(*count);
  if (const auto* text = std::get_if<std::string>(&field.value)) return quoted(*text);
  std::array<char, 32> number;
  std::snprintf(number.data(), number.size(), "%.9g", std::get<double>(field.value));
  return number.data();
}

std::string json_object(const Fields& fields) {
  std::string result = "{";
  for (const Field& field : fields) {
    if (result.size() > 1) result += ',';
    result += quoted(field.name) + ':' + json_value(field);
  }
  return result + '}';
}

}  // namespace strata::loadtest::allocator
