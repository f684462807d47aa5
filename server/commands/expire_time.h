#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/context.h"

namespace strata::server {

// How an expiry is given: a duration from now or a moment, in seconds or milliseconds.
struct ExpireUnit {
  bool seconds = false;
  bool absolute = false;
  bool operator==(const ExpireUnit&) const = default;
};

// EX, PX, EXAT or PXAT.
std::optional<ExpireUnit> expire_unit(std::string_view word) noexcept;

// The moment in milliseconds since 1970, or nothing if it does not fit 64 bits. Negative amounts are times in the past.
std::optional<std::int64_t> expire_at(ExpireUnit unit, std::int64_t amount, std::int64_t now_ms) noexcept;

// Reads the amount of an option of SET and its kind, where only positive amounts are allowed. Whether it was good; if
// not, the error is answered.
bool parse_expire_at(Context& context, ExpireUnit unit, std::string_view amount, std::int64_t& expire_at_ms);

}  // namespace strata::server
