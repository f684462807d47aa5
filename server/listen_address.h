#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "config/settings.h"

namespace strata::server {

// "127.0.0.1:6379", "[::1]:6379".
[[nodiscard]] std::string address_and_port(const std::string& address, std::uint16_t port);

// One line for who starts the server: why nothing can listen on `where`, and which setting to change. `address_key` and
// `endpoint_key` are the settings that name the address and the port (or the path).
[[nodiscard]] std::string why_not_listening(const std::error_code& error, std::string_view where, std::string_view address_key,
                                            std::string_view endpoint_key);

// Whether only this machine can reach the address.
[[nodiscard]] bool is_loopback(const std::string& address);

// Protected mode: what others can reach needs a password, and an admin API they can reach needs a token. Empty, or one
// line that says what is exposed and what to change.
[[nodiscard]] std::string check_exposure(const config::Settings& settings, bool asks_for_password);

}  // namespace strata::server
