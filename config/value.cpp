#include "config/value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

namespace strata::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest factor first: formatting takes the first one that divides. The spellings after kPrintedSizeUnits are only read.
constexpr std::array<Unit, 14> kSizeUnits = {{
    {"tb", 1ULL << 40},
    {"gb", 1ULL << 30},
    {"mb", 1ULL << 20},
    {"kb", 1ULL << 10},
    {"", 1},
    {"b", 1},
    {"tib", 1ULL << 40},
    {"gib", 1ULL << 30},
    {"mib", 1ULL << 20},
    {"kib", 1ULL << 10},
    {"t", 1'000'000'000'000},
    {"g", 1'000'000'000},
    {"m", 1'000'000},
    {"k", 1'000},
}};
constexpr std::size_t kPrintedSizeUnits = 5;

constexpr std::array<Unit, 6> kDurationUnits = {{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
    {"", 1'000},
}};
constexpr std::size_t kPrintedDurationUnits = 5;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Reads the number at the start of `text` and leaves what follows it in `rest`.
template <typename Number>
std::optional<Number> read_number(std::string_view text, int base, std::string_view& rest) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    number = text.starts_with('-') ? std::numeric_limits<Number>::min() : std::numeric_limits<Number>::max();
  }
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> read_with_unit(std::string_view text, std::span<const Unit> units) {
  std::string_view rest;
  const auto number = read_number<std::uint64_t>(text, 10, rest);
  if (!number) return std::nullopt;
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [name = lower_case(rest)](const Unit& candidate) { return candidate.name == name; });
  if (unit == units.end()) return std::nullopt;
  std::uint64_t product = 0;
  return __builtin_mul_overflow(*number, unit->factor, &product) ? std::numeric_limits<std::uint64_t>::max() : product;
}

// REQUIRES: one of `units` has the factor 1.
std::string with_largest_unit(std::uint64_t number, std::span<const Unit> units) {
  const auto unit =
      std::find_if(units.begin(), units.end(), [number](const Unit& candidate) { return number % candidate.factor == 0; });
  return std::to_string(number / unit->factor).append(unit->name);
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string_view rest;
  const auto number = read_number<std::int64_t>(text, 10, rest);
  return rest.empty() ? number : std::nullopt;
}

std::optional<std::uint64_t> parse_octal(std::string_view text) {
  std::string_view rest;
  const auto number = read_number<std::uint64_t>(text, 8, rest);
  return rest.empty() ? number : std::nullopt;
}

std::string format_octal(std::uint64_t number) {
  std::array<char, 24> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 8).ptr};
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return read_with_unit(text, kSizeUnits); }

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  return with_largest_unit(bytes, std::span(kSizeUnits).first(kPrintedSizeUnits));
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto count = read_with_unit(text, kDurationUnits);
  if (!count) return std::nullopt;
  constexpr auto kLongest = static_cast<std::uint64_t>(std::chrono::milliseconds::max().count());
  return std::chrono::milliseconds(std::min(*count, kLongest));
}

std::string format_duration(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return "0s";
  return with_largest_unit(static_cast<std::uint64_t>(duration.count()), std::span(kDurationUnits).first(kPrintedDurationUnits));
}

std::optional<std::uint64_t> parse_percent(std::string_view text) {
  std::string_view rest;
  const auto number = read_number<std::uint64_t>(text, 10, rest);
  return rest == "%" ? number : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) {
  const std::string lower = lower_case(text);
  if (lower == "yes" || lower == "true" || lower == "on") return true;
  if (lower == "no" || lower == "false" || lower == "off") return false;
  return std::nullopt;
}

std::string format_flag(bool flag) { return flag ? "yes" : "no"; }

std::optional<std::string> parse_address(std::string_view text) {
  const std::string terminated(text);
  // inet_pton stops at a zero byte and would take what stands before it.
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  std::array<unsigned char, sizeof(in6_addr)> binary{};
  std::array<char, INET6_ADDRSTRLEN> shortest{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, terminated.c_str(), binary.data()) != 1) continue;
    return inet_ntop(family, binary.data(), shortest.data(), shortest.size());
  }
  return std::nullopt;
}

}  // namespace strata::config
