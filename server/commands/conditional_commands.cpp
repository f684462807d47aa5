#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"
#include "server/commands/value_condition.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome digest(Context& context) {
  const bool found = context.server.cache.read(context.session, context.key(1),
                                               [&](const ItemView& item) { context.reply.bulk(digest_of(item.value)); });
  if (!found) context.reply.null();
  return Outcome::done;
}

Outcome remove_under(Context& context, const ValueCondition& condition) {
  bool removed = false;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    removed = current != nullptr && condition.allows(current);
    if (removed) decision.remove();
  });
  if (status != Status::ok) return refuse(context, status);
  context.reply.integer(removed ? 1 : 0);
  return Outcome::done;
}

Outcome delifeq(Context& context) {
  return remove_under(context, {.kind = ValueCondition::Kind::equal, .operand = context.args[2]});
}

Outcome delex(Context& context) {
  ValueCondition condition;
  if (context.args.size() != 2 && context.args.size() != 4) {
    context.reply.error(errors::wrong_arity(context.command->full_name));
    return Outcome::done;
  }
  if (context.args.size() == 4) {
    const auto kind = comparison(context.args[2]);
    if (!kind) {
      context.reply.error(errors::kInvalidCondition);
      return Outcome::done;
    }
    condition = {.kind = *kind, .operand = context.args[3]};
  }
  if (!check_operand(context, condition)) return Outcome::done;
  return remove_under(context, condition);
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"delex", -2, kWrite | kFast, {1, 1, 1, KeyAccess::may_remove}, "string", "8.4.0",
     "Deletes a key if its value, or the digest of it, equals or differs from what is given.",
     "O(1) without a condition; else O(N) where N is the length of the value",
     "key [IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest]", delex},
    {"delifeq", 3, kWrite | kFast, {1, 1, 1, KeyAccess::read_remove}, "string", "9.0.0",
     "Deletes a key if its value equals what is given. Of Valkey.", "O(N) where N is the length of the value", "key value", delifeq},
    {"digest", 2, kReadonly | kFast, {1, 1, 1, KeyAccess::read}, "string", "8.4.0",
     "Returns the XXH3 digest of the string value of a key as 16 hexadecimal digits.", "O(N) where N is the length of the value",
     "key", digest},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> conditional_commands() { return kCommands; }

}  // namespace strata::server
