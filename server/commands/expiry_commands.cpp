#include <algorithm>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/expire_time.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

struct ExpireConditions {
  bool only_without = false;  // NX
  bool only_with = false;     // XX
  bool only_later = false;    // GT
  bool only_sooner = false;   // LT

  // A key without expiry lives longer than any expiry.
  [[nodiscard]] bool allow(std::int64_t current_ms, std::int64_t wanted_ms) const noexcept {
    const bool has_expiry = current_ms != kNoExpiry;
    if (only_without && has_expiry) return false;
    if (only_with && !has_expiry) return false;
    if (only_later && (!has_expiry || wanted_ms <= current_ms)) return false;
    return !(only_sooner && has_expiry && wanted_ms >= current_ms);
  }
};

bool parse_conditions(Context& context, ExpireConditions& conditions) {
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const std::string_view word = context.args[i];
    if (equals_ignoring_case(word, "nx")) {
      conditions.only_without = true;
    } else if (equals_ignoring_case(word, "xx")) {
      conditions.only_with = true;
    } else if (equals_ignoring_case(word, "gt")) {
      conditions.only_later = true;
    } else if (equals_ignoring_case(word, "lt")) {
      conditions.only_sooner = true;
    } else {
      context.reply.error(errors::unsupported_option(word));
      return false;
    }
  }
  const bool others = conditions.only_with || conditions.only_later || conditions.only_sooner;
  if (conditions.only_without && others) {
    context.reply.error(errors::kExpireNxWithOthers);
    return false;
  }
  if (conditions.only_later && conditions.only_sooner) {
    context.reply.error(errors::kExpireGtWithLt);
    return false;
  }
  return true;
}

Outcome expire_in(Context& context, ExpireUnit unit) {
  ExpireConditions conditions;
  if (!parse_conditions(context, conditions)) return Outcome::done;
  const auto amount = parse_integer(context.args[2]);
  if (!amount) {
    context.reply.error(errors::kNotInteger);
    return Outcome::done;
  }
  const auto at = expire_at(unit, *amount, context.now_ms());
  if (!at) {
    context.reply.error(errors::invalid_expire_time(context.command->full_name));
    return Outcome::done;
  }
  bool changed = false;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    changed = current != nullptr && conditions.allow(current->expire_at_ms, *at);
    if (changed) decision.set_expiry(*at);
  });
  if (status != Status::ok) return refuse(context, status);
  context.reply.integer(changed ? 1 : 0);
  return Outcome::done;
}

Outcome expire(Context& context) { return expire_in(context, {.seconds = true, .absolute = false}); }
Outcome pexpire(Context& context) { return expire_in(context, {.seconds = false, .absolute = false}); }
Outcome expireat(Context& context) { return expire_in(context, {.seconds = true, .absolute = true}); }
Outcome pexpireat(Context& context) { return expire_in(context, {.seconds = false, .absolute = true}); }

Outcome persist(Context& context) {
  bool changed = false;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    changed = current != nullptr && current->expire_at_ms != kNoExpiry;
    if (changed) decision.set_expiry(kNoExpiry);
  });
  if (status != Status::ok) return refuse(context, status);
  context.reply.integer(changed ? 1 : 0);
  return Outcome::done;
}

// -2: no such key; -1: no expiry; else what `tell` makes of it.
template <typename F>
Outcome tell_expiry(Context& context, F&& tell) {
  std::int64_t number = -2;
  const Key key = context.key(1);
  const bool found = context.server.cache.peek(context.session, key, [&](const ItemView& item) {
    number = item.expire_at_ms == kNoExpiry ? -1 : tell(item.expire_at_ms);
  });
  context.server.cache.count_lookup(context.session, key, found);
  context.reply.integer(number);
  return Outcome::done;
}

// REQUIRES: not negative.
std::int64_t in_seconds(std::int64_t milliseconds) noexcept {
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(milliseconds) + 500) / 1000);
}

Outcome expiretime(Context& context) {
  return tell_expiry(context, [](std::int64_t at_ms) { return in_seconds(std::max<std::int64_t>(at_ms, 0)); });
}

Outcome pexpiretime(Context& context) {
  return tell_expiry(context, [](std::int64_t at_ms) { return at_ms; });
}

Outcome pttl(Context& context) {
  return tell_expiry(context, [&](std::int64_t at_ms) { return std::max<std::int64_t>(at_ms - context.now_ms(), 0); });
}

Outcome ttl(Context& context) {
  return tell_expiry(context,
                     [&](std::int64_t at_ms) { return in_seconds(std::max<std::int64_t>(at_ms - context.now_ms(), 0)); });
}

constexpr KeySpec kUpdates{1, 1, 1, KeyAccess::update};
constexpr KeySpec kReads{1, 1, 1, KeyAccess::read};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"expire", -3, kWrite | kFast, kUpdates, "generic", "1.0.0", "Sets the expiration time of a key in seconds.", "O(1)",
     "key seconds [NX|XX|GT|LT]", expire},
    {"expireat", -3, kWrite | kFast, kUpdates, "generic", "1.2.0", "Sets the expiration time of a key to a Unix timestamp in seconds.",
     "O(1)", "key unix-time-seconds [NX|XX|GT|LT]", expireat},
    {"expiretime", 2, kReadonly | kFast, kReads, "generic", "7.0.0", "Returns the expiration time of a key as a Unix timestamp in seconds.",
     "O(1)", "key", expiretime},
    {"persist", 2, kWrite | kFast, kUpdates, "generic", "2.2.0", "Removes the expiration time of a key.", "O(1)", "key", persist},
    {"pexpire", -3, kWrite | kFast, kUpdates, "generic", "2.6.0", "Sets the expiration time of a key in milliseconds.", "O(1)",
     "key milliseconds [NX|XX|GT|LT]", pexpire},
    {"pexpireat", -3, kWrite | kFast, kUpdates, "generic", "2.6.0",
     "Sets the expiration time of a key to a Unix timestamp in milliseconds.", "O(1)", "key unix-time-milliseconds [NX|XX|GT|LT]",
     pexpireat},
    {"pexpiretime", 2, kReadonly | kFast, kReads, "generic", "7.0.0",
     "Returns the expiration time of a key as a Unix timestamp in milliseconds.", "O(1)", "key", pexpiretime},
    {"pttl", 2, kReadonly | kFast, kReads, "generic", "2.6.0", "Returns the expiration time in milliseconds of a key.", "O(1)",
     "key", pttl},
    {"ttl", 2, kReadonly | kFast, kReads, "generic", "1.0.0", "Returns the expiration time in seconds of a key.", "O(1)", "key", ttl},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> expiry_commands() { return kCommands; }

}  // namespace strata::server
