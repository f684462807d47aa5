#include "config/rule.h"

#include <algorithm>
#include <utility>

#include "config/value.h"

namespace strata::config {
namespace {

constexpr std::string_view kSizeUnits = " (b, kb, mb, gb, tb)";
constexpr std::string_view kAddressForm = "an IPv4 or IPv6 address in digits, such as 127.0.0.1, 0.0.0.0 or ::1";

std::string format_integer(std::int64_t number) { return std::to_string(number); }

}  // namespace

RangeRule<std::uint32_t, std::int64_t> integer(std::uint32_t minimum, std::uint32_t maximum) {
  return {{Kind::integer, "an integer", "", parse_integer, format_integer}, minimum, maximum};
}

RangeRule<std::int64_t, std::int64_t> signed_integer(std::int64_t minimum, std::int64_t maximum) {
  return {{Kind::integer, "an integer", "", parse_integer, format_integer}, minimum, maximum};
}

RangeRule<std::uint32_t, std::uint64_t> octal(std::uint32_t minimum, std::uint32_t maximum) {
  return {{Kind::octal, "an octal number", "", parse_octal, format_octal}, minimum, maximum};
}

RangeRule<std::uint64_t, std::uint64_t> size(std::uint64_t minimum_bytes, std::uint64_t maximum_bytes) {
  return {{Kind::size, "a size", kSizeUnits, parse_size, format_size}, minimum_bytes, maximum_bytes};
}

RangeRule<std::chrono::milliseconds, std::chrono::milliseconds> duration(std::chrono::milliseconds minimum,
                                                                         std::chrono::milliseconds maximum) {
  return {{Kind::duration, "a duration", " (ms, s, m, h, d)", parse_duration, format_duration}, minimum, maximum};
}

std::string MemoryRule::parse(std::string_view text, Value& value) const {
  const auto percent = parse_percent(text);
  const auto bytes = parse_size(text);
  if (text == "none" || bytes == 0U) return quoted(text) + " would mean no limit, and a cache needs one";
  if (!percent && !bytes) return quoted(text) + " is neither a size nor a percentage";
  const bool fits = percent ? *percent >= 1 && *percent <= 100 : *bytes >= minimum_bytes && *bytes <= maximum_bytes;
  if (!fits) return quoted(text) + " is out of range";
  value = percent ? Value{MemoryAmount::Unit::percent, *percent} : Value{MemoryAmount::Unit::bytes, *bytes};
  return {};
}

std::string MemoryRule::format(const Value& value) const {
  return value.unit == MemoryAmount::Unit::percent ? std::to_string(value.amount) + '%' : format_size(value.amount);
}

std::string MemoryRule::allowed() const {
  return size(minimum_bytes, maximum_bytes).allowed() + ", or 1% to 100% of " + std::string(whole);
}

std::optional<Bounds> MemoryRule::bounds() const { return size(minimum_bytes, maximum_bytes).bounds(); }

std::string FlagRule::parse(std::string_view text, Value& value) const {
  const auto flag = parse_flag(text);
  if (!flag) return quoted(text) + " is neither yes nor no";
  value = *flag;
  return {};
}

std::string FlagRule::format(const Value& value) const { return format_flag(value); }

std::string FlagRule::allowed() const { return "yes or no (or true, false, on, off)"; }

std::string TextRule::parse(std::string_view text, Value& value) const {
  if (text.size() < minimum_bytes) return "is empty";
  if (text.size() > maximum_bytes) return "is too long";
  if (find_unprintable(text) != std::string_view::npos) return "holds a control character or bytes that are not UTF-8";
  if (kind == Kind::secret && text == kSecretMask) return "is the mask that is printed in place of a secret, not the secret";
  value = text;
  return {};
}

std::string TextRule::allowed() const {
  return std::string(kind == Kind::path ? "a path of " : "a text of ") + std::to_string(minimum_bytes) + " to " +
         std::to_string(maximum_bytes) + " bytes";
}

std::string AddressRule::parse(std::string_view text, Value& value) const {
  auto address = parse_address(text);
  if (!address) return quoted(text) + " is not an address";
  value = std::move(*address);
  return {};
}

std::string AddressRule::allowed() const { return std::string(kAddressForm); }

std::string AddressListRule::parse(std::string_view text, Value& value) const {
  constexpr std::string_view kSeparators = ", ";
  Value addresses;
  for (std::size_t begin = text.find_first_not_of(kSeparators); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    std::string address;
    if (std::string wrong = AddressRule{}.parse(text.substr(begin, end - begin), address); !wrong.empty()) return wrong;
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) return quoted(address) + " stands there twice";
    if (addresses.size() == maximum_count) return "holds too many addresses";
    addresses.push_back(std::move(address));
    begin = text.find_first_not_of(kSeparators, end);
  }
  if (addresses.empty()) return "is empty";
  value = std::move(addresses);
  return {};
}

std::string AddressListRule::format(const Value& value) const {
  std::string list;
  for (const std::string& address : value) list.append(list.empty() ? "" : ", ").append(address);
  return list;
}

std::string AddressListRule::allowed() const {
  return "a list of 1 to " + std::to_string(maximum_count) + " addresses, each " + std::string(kAddressForm);
}

}  // namespace strata::config
