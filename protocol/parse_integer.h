#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::protocol {

// Reads a whole text as a signed 64-bit integer in the one form that Redis accepts, in requests and in values: decimal digits
// without leading zeros, "-" only before a number other than zero, no "+", no blanks. Nothing when the text is anything else or
// does not fit.
// Thread safety: pure function.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

}  // namespace strata::protocol
