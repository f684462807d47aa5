#include "server/commands/set_options.h"

#include "protocol/errors.h"
#include "server/commands/words.h"

namespace strata::server {

bool SetOptions::take_condition(ValueCondition::Kind kind) {
  if (condition.kind != ValueCondition::Kind::none && condition.kind != kind) return false;
  condition.kind = kind;
  return true;
}

bool SetOptions::take(Context& context, std::size_t& i, unsigned known) {
  const std::string_view word = context.args[i];
  const bool more = i + 1 < context.args.size();
  if ((known & kExistence) != 0 && equals_ignoring_case(word, "nx")) return take_condition(ValueCondition::Kind::absent);
  if ((known & kExistence) != 0 && equals_ignoring_case(word, "xx")) return take_condition(ValueCondition::Kind::present);
  if ((known & kGet) != 0 && equals_ignoring_case(word, "get")) return get_old = true;
  if ((known & kKeepTtl) != 0 && equals_ignoring_case(word, "keepttl")) return !unit && !persist && (keep_ttl = true);
  if ((known & kPersist) != 0 && equals_ignoring_case(word, "persist")) return !unit && !keep_ttl && (persist = true);
  if (const auto given = expire_unit(word); given && more && (!unit || *unit == *given) && !keep_ttl && !persist) {
    unit = given;
    amount = context.args[++i];
    return true;
  }
  const auto kind = (known & kComparison) != 0 ? comparison(word) : std::nullopt;
  if (!kind || !more || condition.kind != ValueCondition::Kind::none) return false;
  condition = {.kind = *kind, .operand = context.args[++i]};
  return true;
}

bool SetOptions::parse(Context& context, std::size_t first, unsigned known) {
  for (std::size_t i = first; i < context.args.size(); ++i) {
    if (take(context, i, known)) continue;
    context.reply.error(protocol::errors::kSyntax);
    return false;
  }
  return check_operand(context, condition);
}

bool SetOptions::expiry(Context& context) { return !unit || parse_expire_at(context, *unit, amount, expire_at_ms); }

}  // namespace strata::server
