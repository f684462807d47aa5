#pragma once

#include <string>
#include <string_view>

#include "protocol/parse_integer.h"

// How arguments are read: words without regard to case, integers as strictly as Redis.
namespace strata::server {

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// REQUIRES: `lower` is in lower case.
constexpr bool equals_ignoring_case(std::string_view word, std::string_view lower) noexcept {
  if (word.size() != lower.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (to_lower(word[i]) != lower[i]) return false;
  }
  return true;
}

using protocol::parse_integer;

std::string lower_case(std::string_view text);

}  // namespace strata::server
