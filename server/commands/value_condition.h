#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/commands/context.h"

namespace strata::server {

// What a write or a removal depends on: of SET, MSETEX, DELEX.
struct ValueCondition {
  enum class Kind : std::uint8_t { none, absent, present, equal, not_equal, same_digest, other_digest };
  Kind kind = Kind::none;
  std::string_view operand;

  // What is to be written where there is nothing is another value than any.
  [[nodiscard]] bool allows(const ItemView* current) const;
};

// IFEQ, IFNE, IFDEQ or IFDNE.
std::optional<ValueCondition::Kind> comparison(std::string_view word) noexcept;
// Whether the operand of a comparison is one; if not, the error is answered.
bool check_operand(Context& context, const ValueCondition& condition);

// XXH3, 64 bits with seed 0 (Y. Collet), as 16 digits in lower case: what DIGEST answers.
std::string digest_of(std::string_view value);

}  // namespace strata::server
