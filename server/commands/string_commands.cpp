#include <charconv>
#include <limits>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/expire_time.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome get(Context& context) {
  if (!context.server.cache.read(context.session, context.key(1), [&](const ItemView& item) { context.reply.value(item); })) {
    context.reply.null();
  }
  return Outcome::done;
}

Outcome mget(Context& context) {
  std::vector<Key> keys;
  keys.reserve(context.args.size() - 1);
  for (std::size_t i = 1; i < context.args.size(); ++i) keys.push_back(context.key(i));
  context.reply.array(keys.size());
  context.server.cache.read_many(context.session, keys, [&](std::size_t, const ItemView* item) {
    item != nullptr ? context.reply.value(*item) : context.reply.null();
  });
  return Outcome::done;
}

// What SET was asked for besides key and value.
struct SetOptions {
  bool only_new = false;
  bool only_existing = false;
  bool keep_ttl = false;
  bool get_old = false;
  std::int64_t expire_at_ms = kNoExpiry;
};

// Whether the options are in order; if not, the error is answered.
bool parse_set_options(Context& context, SetOptions& options) {
  std::optional<ExpireUnit> unit;
  std::string_view amount;
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const std::string_view word = context.args[i];
    const bool more = i + 1 < context.args.size();
    if (equals_ignoring_case(word, "nx") && !options.only_existing) {
      options.only_new = true;
    } else if (equals_ignoring_case(word, "xx") && !options.only_new) {
      options.only_existing = true;
    } else if (equals_ignoring_case(word, "get")) {
      options.get_old = true;
    } else if (equals_ignoring_case(word, "keepttl") && !unit) {
      options.keep_ttl = true;
    } else if (const auto given = expire_unit(word); given && more && (!unit || *unit == *given) && !options.keep_ttl) {
      unit = given;
      amount = context.args[++i];
    } else {
      context.reply.error(errors::kSyntax);
      return false;
    }
  }
  return !unit || parse_expire_at(context, *unit, amount, options.expire_at_ms);
}

// The value that SET ... GET answers with, kept until it is sure that the command succeeds.
struct OldValue {
  bool found = false;
  std::string small;
  ValueRef large;

  void take(const ItemView& item) {
    found = true;
    large = item.block;
    if (!large) small.assign(item.value);
  }
  void answer(Reply& reply) const {
    ItemView item;
    item.block = large;
    item.value = large ? large.view() : std::string_view(small);
    found ? reply.value(item) : reply.null();
  }
};

Outcome set(Context& context) {
  SetOptions options;
  if (!parse_set_options(context, options)) return Outcome::done;
  bool stored = true;
  OldValue old;
  // Where nothing depends on what the key holds nobody looks, and no other thread can come between.
  const bool looks = options.get_old || options.only_new || options.only_existing || options.keep_ttl;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = looks ? decision.current() : nullptr;
    old = OldValue();
    if (options.get_old && current != nullptr) old.take(*current);
    stored = !(options.only_new && current != nullptr) && !(options.only_existing && current == nullptr);
    if (!stored) return;
    const std::int64_t expire_at_ms = options.keep_ttl && current != nullptr ? current->expire_at_ms : options.expire_at_ms;
    if (ValueRef block = context.value_block(2)) {
      decision.put(std::move(block), expire_at_ms);
    } else {
      decision.put(context.args[2], expire_at_ms);
    }
  });
  if (status != Status::ok) return refuse(context, status);
  if (options.get_old) {
    context.server.cache.count_lookup(context.session, context.key(1), old.found);
    old.answer(context.reply);
  } else {
    stored ? context.reply.ok() : context.reply.null();
  }
  return Outcome::done;
}

Outcome mset(Context& context) {
  if (context.args.size() % 2 == 0) {
    context.reply.error(errors::wrong_arity("mset"));
    return Outcome::done;
  }
  std::vector<Key> keys;
  keys.reserve(context.args.size() / 2);
  std::size_t bytes = 0;
  for (std::size_t i = 1; i < context.args.size(); i += 2) {
    keys.push_back(context.key(i));
    bytes += context.args[i].size() + context.args[i + 1].size();
  }
  const Status status = context.server.cache.update_many(context.session, keys, bytes, [&](std::size_t i, Decision& decision) {
    if (ValueRef block = context.value_block(2 * i + 2)) {
      decision.put(std::move(block), kNoExpiry);
    } else {
      decision.put(context.args[2 * i + 2], kNoExpiry);
    }
  });
  if (status != Status::ok) return refuse(context, status);
  context.reply.ok();
  return Outcome::done;
}

Outcome append(Context& context) {
  std::size_t length = 0;
  bool too_long = false;
  const std::string_view tail = context.args[2];
  const std::size_t limit = context.server.limits.bulk_bytes.load(std::memory_order_relaxed);
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    length = tail.size() + (current != nullptr ? current->value.size() : 0);
    too_long = length > limit;
    if (too_long) return;
    if (current == nullptr) {
      decision.put(tail, kNoExpiry);
    } else if (!tail.empty()) {
      decision.put(current->value, tail, current->expire_at_ms);
    }
  });
  if (status != Status::ok) return refuse(context, status);
  if (too_long) {
    context.reply.error(errors::kStringTooLong);
  } else {
    context.reply.integer(static_cast<std::int64_t>(length));
  }
  return Outcome::done;
}

Outcome strlen(Context& context) {
  std::size_t length = 0;
  context.server.cache.read(context.session, context.key(1), [&](const ItemView& item) { length = item.value.size(); });
  context.reply.integer(static_cast<std::int64_t>(length));
  return Outcome::done;
}

// Adds `delta` to the number at the key, 0 if there is none; the expiry stays.
Outcome add(Context& context, std::int64_t delta) {
  enum class Result { changed, not_integer, overflow } result = Result::changed;
  std::int64_t number = 0;
  char digits[24];
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    number = 0;
    result = Result::changed;
    if (current != nullptr) {
      const auto parsed = parse_integer(current->value);
      if (!parsed) {
        result = Result::not_integer;
        return;
      }
      number = *parsed;
    }
    if (__builtin_add_overflow(number, delta, &number)) {
      result = Result::overflow;
      return;
    }
    const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    decision.put({digits, static_cast<std::size_t>(end - digits)}, current != nullptr ? current->expire_at_ms : kNoExpiry);
  });
  if (status != Status::ok) return refuse(context, status);
  switch (result) {
    case Result::changed: context.reply.integer(number); break;
    case Result::not_integer: context.reply.error(errors::kNotInteger); break;
    case Result::overflow: context.reply.error(errors::kOverflow); break;
  }
  return Outcome::done;
}

Outcome incr(Context& context) { return add(context, 1); }
Outcome decr(Context& context) { return add(context, -1); }

Outcome incrby(Context& context) {
  if (const auto delta = parse_integer(context.args[2])) return add(context, *delta);
  context.reply.error(errors::kNotInteger);
  return Outcome::done;
}

Outcome decrby(Context& context) {
  const auto delta = parse_integer(context.args[2]);
  if (!delta) {
    context.reply.error(errors::kNotInteger);
    return Outcome::done;
  }
  if (*delta == std::numeric_limits<std::int64_t>::min()) {
    context.reply.error(errors::kDecrementOverflow);
    return Outcome::done;
  }
  return add(context, -*delta);
}

constexpr KeySpec kReads{1, 1, 1, KeyAccess::read};
constexpr KeySpec kUpdates{1, 1, 1, KeyAccess::read_write};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"append", 3, kWrite | kDenyOom | kFast, {1, 1, 1, KeyAccess::write}, "string", "2.0.0",
     "Appends a string to the value of a key. Creates the key if it doesn't exist.", "O(1)", "key value", append},
    {"decr", 2, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", "O(1)", "key", decr},
    {"decrby", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.", "O(1)",
     "key decrement", decrby},
    {"get", 2, kReadonly | kFast, kReads, "string", "1.0.0", "Returns the string value of a key.", "O(1)", "key", get},
    {"incr", 2, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", "O(1)", "key", incr},
    {"incrby", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.", "O(1)",
     "key increment", incrby},
    {"mget", -2, kReadonly | kFast, {1, -1, 1, KeyAccess::read}, "string", "1.0.0",
     "Atomically returns the string values of one or more keys.", "O(N) where N is the number of keys to retrieve.",
     "key [key ...]", mget},
    {"mset", -3, kWrite | kDenyOom, {1, -1, 2, KeyAccess::write}, "string", "1.0.1",
     "Atomically creates or modifies the string values of one or more keys.", "O(N) where N is the number of keys to set.",
     "key value [key value ...]", mset},
    {"set", -3, kWrite | kDenyOom, kUpdates, "string", "1.0.0",
     "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.", "O(1)",
     "key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]", set},
    {"strlen", 2, kReadonly | kFast, kReads, "string", "2.2.0", "Returns the length of a string value.", "O(1)", "key", strlen},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> string_commands() { return kCommands; }

}  // namespace strata::server
