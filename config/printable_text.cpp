#include "config/printable_text.h"

#include <array>
#include <cstdint>

namespace strata::config {
namespace {

// The length of the UTF-8 sequence that starts at `at`, 0 if it is none: cut off, longer than needed, a surrogate or beyond
// U+10FFFF.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return 0;
  for (std::size_t i = at + 1; i < at + length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const std::uint8_t second = byte(at + 1);
  const bool too_long = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool no_character = (lead == 0xED && second >= 0xA0) || (lead == 0xF4 && second >= 0x90);
  return too_long || no_character ? 0 : length;
}

bool is_control(std::string_view sequence) {
  const auto lead = static_cast<std::uint8_t>(sequence[0]);
  if (lead < 0x20 || lead == 0x7F) return true;
  return lead == 0xC2 && static_cast<std::uint8_t>(sequence[1]) < 0xA0;  // U+0080..U+009F
}

// The length of the printable character at `at`, 0 if there is none.
std::size_t printable_length(std::string_view text, std::size_t at) {
  const std::size_t length = sequence_length(text, at);
  return length == 0 || is_control(text.substr(at, length)) ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text, std::size_t maximum_bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = printable_length(text, at);
    if (at + length > maximum_bytes || at == maximum_bytes) return safe + "...";
    if (length == 0) {
      const auto byte = static_cast<std::uint8_t>(text[at]);
      const std::array<char, 4> escape = {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xF]};
      safe.append(escape.data(), escape.size());
    } else {
      safe.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return safe;
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::size_t find_unprintable(std::string_view text, std::string_view allowed) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = printable_length(text, at);
    if (length == 0 && allowed.find(text[at]) == std::string_view::npos) return at;
    at += length == 0 ? 1 : length;
  }
  return std::string_view::npos;
}

}  // namespace strata::config
