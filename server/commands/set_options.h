#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/context.h"
#include "server/commands/expire_time.h"
#include "server/commands/value_condition.h"

namespace strata::server {

// What SET, MSETEX and GETEX are asked for besides keys and values.
struct SetOptions {
  // Which of them a command knows, as bits.
  enum Known : std::uint8_t { kExistence = 1, kComparison = 2, kGet = 4, kKeepTtl = 8, kPersist = 16 };

  ValueCondition condition;
  bool keep_ttl = false;
  bool persist = false;
  bool get_old = false;
  std::optional<ExpireUnit> unit;
  std::string_view amount;  // of the unit
  std::int64_t expire_at_ms = kNoExpiry;

  // Reads the arguments from `first` on. False: the error is answered. The amount is still to be read: see expiry().
  bool parse(Context& context, std::size_t first, unsigned known);
  // Makes a moment of the amount, if one was given. False: the error is answered.
  bool expiry(Context& context);
  // The expiry that a new value gets.
  [[nodiscard]] std::int64_t expiry_after(const ItemView* current) const noexcept {
    return keep_ttl && current != nullptr ? current->expire_at_ms : expire_at_ms;
  }

 private:
  // Whether the word at `i`, with what belongs to it, is an option that goes with those before it; `i` is then the last word of it.
  bool take(Context& context, std::size_t& i, unsigned known);
  bool take_condition(ValueCondition::Kind kind);
};

}  // namespace strata::server
