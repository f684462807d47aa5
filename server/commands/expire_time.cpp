#include "server/commands/expire_time.h"

#include <algorithm>

#include "protocol/errors.h"
#include "server/commands/words.h"

namespace strata::server {

std::optional<ExpireUnit> expire_unit(std::string_view word) noexcept {
  if (equals_ignoring_case(word, "ex")) return ExpireUnit{true, false};
  if (equals_ignoring_case(word, "px")) return ExpireUnit{false, false};
  if (equals_ignoring_case(word, "exat")) return ExpireUnit{true, true};
  if (equals_ignoring_case(word, "pxat")) return ExpireUnit{false, true};
  return std::nullopt;
}

std::optional<std::int64_t> expire_at(ExpireUnit unit, std::int64_t amount, std::int64_t now_ms) noexcept {
  std::int64_t at = amount;
  if (unit.seconds && __builtin_mul_overflow(at, 1000, &at)) return std::nullopt;
  if (!unit.absolute && __builtin_add_overflow(at, now_ms, &at)) return std::nullopt;
  return std::min(at, kNoExpiry - 1);
}

bool parse_expire_at(Context& context, ExpireUnit unit, std::string_view amount, std::int64_t& expire_at_ms) {
  const auto number = parse_integer(amount);
  if (!number) {
    context.reply.error(protocol::errors::kNotInteger);
    return false;
  }
  const auto at = *number > 0 ? expire_at(unit, *number, context.now_ms()) : std::nullopt;
  if (!at) {
    context.reply.error(protocol::errors::invalid_expire_time(context.command->full_name));
    return false;
  }
  expire_at_ms = *at;
  return true;
}

}  // namespace strata::server
