#pragma once

#include <string_view>

namespace strata::server {

// Whether a text may name a client, a library or its version: printable, without blanks, so that CLIENT LIST stays one
// field a name.
constexpr bool is_client_name(std::string_view name) noexcept {
  for (const char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

}  // namespace strata::server
