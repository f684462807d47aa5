#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata::loadtest {

enum class OperationKind : std::uint8_t { get, set, add, del, incr, touch };

inline constexpr std::size_t kOperationKinds = 6;
inline constexpr std::array<std::string_view, kOperationKinds> kOperationNames = {"get", "set", "add", "del", "incr", "touch"};

constexpr std::string_view name_of(OperationKind kind) noexcept { return kOperationNames[static_cast<std::size_t>(kind)]; }
constexpr bool stores_value(OperationKind kind) noexcept { return kind == OperationKind::set || kind == OperationKind::add; }

// One request to come. `key` is a number that KeyFormat turns into text.
struct Operation {
  OperationKind kind = OperationKind::get;
  std::uint64_t key = 0;
  std::uint32_t value_bytes = 0;  // set, add
  std::int64_t ttl_ms = 0;        // set, add, touch; 0 for none
};

}  // namespace strata::loadtest
