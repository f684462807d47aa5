#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/printable_text.h"
#include "config/settings.h"

// What a key accepts. A rule has
//   Value                               the type of the field,
//   kind, bounds()                      what it is, for callers that treat kinds differently,
//   parse(text, value) -> wrong         stores the value, or leaves it alone and says what is wrong with the text,
//   format(value) -> text               the canonical text, which parse takes back,
//   allowed() -> text                   what a user may write.
// Rules are plain values; their functions are safe from any thread.
namespace strata::config {

enum class Kind : std::uint8_t {
  integer,
  octal,
  size,
  duration,
  memory,
  flag,
  choice,
  path,
  text,
  secret,
  address,
  address_list,
};

// The smallest and the largest value: a plain number, bytes or milliseconds, whatever the kind counts in.
struct Bounds {
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
};

// Printed in place of a secret, and refused as one: what was printed must not become the password.
inline constexpr std::string_view kSecretMask = "********";

// How numbers of one kind are written.
template <typename Number>
struct Notation {
  Kind kind;
  std::string_view noun;
  std::string_view units;  // how `allowed` goes on after the range
  std::optional<Number> (*parse)(std::string_view);
  std::string (*format)(Number);
};

// A number between two others. Number is what the notation parses, Field holds all numbers from minimum to maximum.
template <typename Field, typename Number>
struct RangeRule {
  using Value = Field;
  Notation<Number> notation;
  Number minimum;
  Number maximum;
  Kind kind = notation.kind;

  std::string parse(std::string_view text, Value& value) const {
    const auto number = notation.parse(text);
    if (!number) return quoted(text).append(" is not ").append(notation.noun);
    if (*number < minimum || *number > maximum) return quoted(text) + " is out of range";
    value = static_cast<Value>(*number);
    return {};
  }
  [[nodiscard]] std::string format(const Value& value) const { return notation.format(static_cast<Number>(value)); }
  [[nodiscard]] std::string allowed() const {
    return std::string(notation.noun)
        .append(" from ")
        .append(notation.format(minimum))
        .append(" to ")
        .append(notation.format(maximum))
        .append(notation.units);
  }
  [[nodiscard]] std::optional<Bounds> bounds() const { return Bounds{count(minimum), count(maximum)}; }

 private:
  static std::int64_t count(std::chrono::milliseconds duration) { return duration.count(); }
  static std::int64_t count(auto number) { return static_cast<std::int64_t>(number); }
};

RangeRule<std::uint32_t, std::int64_t> integer(std::uint32_t minimum, std::uint32_t maximum);
RangeRule<std::int64_t, std::int64_t> signed_integer(std::int64_t minimum, std::int64_t maximum);
RangeRule<std::uint32_t, std::uint64_t> octal(std::uint32_t minimum, std::uint32_t maximum);
RangeRule<std::uint64_t, std::uint64_t> size(std::uint64_t minimum_bytes, std::uint64_t maximum_bytes);
RangeRule<std::chrono::milliseconds, std::chrono::milliseconds> duration(std::chrono::milliseconds minimum,
                                                                         std::chrono::milliseconds maximum);

// A size, or 1% to 100% of the available memory. No limit at all is refused by name.
struct MemoryRule {
  using Value = MemoryAmount;
  std::uint64_t minimum_bytes;
  std::uint64_t maximum_bytes;
  std::string_view whole = "the available memory";  // of which a percentage is
  Kind kind = Kind::memory;

  std::string parse(std::string_view text, Value& value) const;
  [[nodiscard]] std::string format(const Value& value) const;
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::optional<Bounds> bounds() const;
};

struct FlagRule {
  using Value = bool;
  Kind kind = Kind::flag;

  std::string parse(std::string_view text, Value& value) const;
  [[nodiscard]] std::string format(const Value& value) const;
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::optional<Bounds> bounds() const { return std::nullopt; }
};

// In any case: Redis takes NOEVICTION, too.
constexpr bool same_word(std::string_view name, std::string_view text) noexcept {
  if (name.size() != text.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = text[i];
    if (name[i] != (c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c)) return false;
  }
  return true;
}

// One of some names; a name's place is the value of its enumerator.
template <typename Enum>
struct ChoiceRule {
  using Value = Enum;
  std::span<const std::string_view> names;
  // Other names for some, which are understood and not shown.
  std::span<const std::pair<std::string_view, Enum>> aliases = {};
  // A name that could be expected here and is refused, and why.
  std::pair<std::string_view, std::string_view> refused = {};
  Kind kind = Kind::choice;

  std::string parse(std::string_view text, Value& value) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!same_word(names[i], text)) continue;
      value = static_cast<Enum>(i);
      return {};
    }
    for (const auto& [alias, meaning] : aliases) {
      if (!same_word(alias, text)) continue;
      value = meaning;
      return {};
    }
    if (!text.empty() && text == refused.first) return quoted(text) + " is not possible here: " + std::string(refused.second);
    return quoted(text) + " is not one of the choices";
  }
  [[nodiscard]] std::string format(const Value& value) const { return std::string(names[static_cast<std::size_t>(value)]); }
  [[nodiscard]] std::string allowed() const {
    std::string list;
    for (const std::string_view name : names) list.append(list.empty() ? "" : ", ").append(name);
    for (const auto& [alias, meaning] : aliases) list.append(", ").append(alias).append(" for ").append(format(meaning));
    return list;
  }
  [[nodiscard]] std::optional<Bounds> bounds() const { return std::nullopt; }
};

// A path, a secret or another text: UTF-8 without control characters. What is wrong with a secret is said without repeating it.
struct TextRule {
  using Value = std::string;
  Kind kind;
  std::size_t minimum_bytes;
  std::size_t maximum_bytes;

  std::string parse(std::string_view text, Value& value) const;
  [[nodiscard]] std::string format(const Value& value) const { return value; }
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::optional<Bounds> bounds() const { return std::nullopt; }
};

struct AddressRule {
  using Value = std::string;
  Kind kind = Kind::address;

  std::string parse(std::string_view text, Value& value) const;
  [[nodiscard]] std::string format(const Value& value) const { return value; }
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::optional<Bounds> bounds() const { return std::nullopt; }
};

// Addresses separated by commas, spaces or both, none twice.
struct AddressListRule {
  using Value = std::vector<std::string>;
  std::size_t maximum_count;
  Kind kind = Kind::address_list;

  std::string parse(std::string_view text, Value& value) const;
  [[nodiscard]] std::string format(const Value& value) const;
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::optional<Bounds> bounds() const { return std::nullopt; }
};

}  // namespace strata::config
