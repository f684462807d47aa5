#pragma once

#include <string>
#include <string_view>

namespace strata::server {

// Whether two texts are equal, in a time that depends on the length of `guess` alone: how long a wrong guess takes tells nothing about how much of it
// was right.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view guess) noexcept;

// What is kept of a password: SHA-256, 64 lower-case hexadecimal digits. Throws std::bad_alloc.
[[nodiscard]] std::string password_hash(std::string_view password);
[[nodiscard]] bool is_password_hash(std::string_view text) noexcept;

// As many hexadecimal digits by chance, to be guessed by nobody; empty where the system has no randomness to give.
[[nodiscard]] std::string random_hexadecimal(std::size_t digits);

}  // namespace strata::server
