#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Text from outside, made safe for a message of one line. Pure functions, safe from any thread.
namespace strata::config {

// How much of a wrong value a message repeats.
inline constexpr std::size_t kQuotedBytes = 60;

// `text` with control characters and bytes that are not UTF-8 as \xNN, cut after `maximum_bytes` (with "..." to show it).
std::string printable(std::string_view text, std::size_t maximum_bytes = kQuotedBytes);

// The same between double quotes.
std::string quoted(std::string_view text);

// Whether all of it is UTF-8; control characters are.
bool is_utf8(std::string_view text);

// Where the first byte is that is a control character or not UTF-8; npos if there is none. Bytes of `allowed` count as fine.
std::size_t find_unprintable(std::string_view text, std::string_view allowed = {});

}  // namespace strata::config
