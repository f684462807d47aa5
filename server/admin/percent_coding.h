#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Percent-encoding of URLs (RFC 3986, section 2.1). Pure functions, safe from any thread.
namespace strata::server::admin {

// In the query of a form a plus stands for a blank; elsewhere for itself.
enum class Plus : std::uint8_t { itself, blank };

// The bytes that a text stands for; nothing where '%' is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, Plus plus);

// A text that stands for these bytes as one segment of a path, or one value of a query.
[[nodiscard]] std::string percent_encode(std::string_view bytes);

}  // namespace strata::server::admin
