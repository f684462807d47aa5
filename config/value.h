#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Values as text: one parse and one format function for each notation. Parsing takes the whole text or nothing: white space,
// a missing unit name or trailing characters give nullopt. A number that does not fit comes back as the largest (smallest)
// of its type, so that the range check of the caller names it as out of range. parse(format(v)) == v for every v.
// Pure functions, safe from any thread.
namespace strata::config {

// "42", "-1".
std::optional<std::int64_t> parse_integer(std::string_view text);

// Octal digits: "700", "0700".
std::optional<std::uint64_t> parse_octal(std::string_view text);
std::string format_octal(std::uint64_t number);

// Bytes: "1024", "64kb", "512MB", "1gib". kb, mb, gb, tb (and kib, mib, gib, tib) count in 1024, k, m, g, t in 1000, as in Redis.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// "100ms", "30s", "5m", "2h", "1d"; a number without a unit counts seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

// "80%".
std::optional<std::uint64_t> parse_percent(std::string_view text);

// yes, no, true, false, on, off in any case; formatted as yes or no.
std::optional<bool> parse_flag(std::string_view text);
std::string format_flag(bool flag);

// An IPv4 or IPv6 address in digits, returned in its shortest spelling; names are not resolved.
std::optional<std::string> parse_address(std::string_view text);

}  // namespace strata::config
