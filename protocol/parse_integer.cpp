#include "protocol/parse_integer.h"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace strata::protocol {

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  if (text == "0") return 0;
  const std::size_t first_digit = text.starts_with('-') ? 1 : 0;
  // from_chars would take leading zeros.
  if (text.size() <= first_digit || text[first_digit] < '1' || text[first_digit] > '9') return std::nullopt;

  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace strata::protocol
