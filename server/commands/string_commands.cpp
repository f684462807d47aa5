#include <limits>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/held_value.h"
#include "server/commands/outcomes.h"
#include "server/commands/set_options.h"
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

void put_argument(Context& context, Decision& decision, std::size_t index, std::int64_t expire_at_ms) {
  if (ValueRef block = context.value_block(index)) {
    decision.put(std::move(block), expire_at_ms);
  } else {
    decision.put(context.args[index], expire_at_ms);
  }
}

// What a conditional write came to.
struct Written {
  Status status = Status::ok;
  bool stored = true;
  HeldValue old;  // where it was asked for
};

// Stores argument `value_index` as the options want it.
Written store(Context& context, const SetOptions& options, std::size_t value_index) {
  Written written;
  // Where nothing depends on what the key holds nobody looks, and no other thread can come between.
  const bool looks = options.get_old || options.keep_ttl || options.condition.kind != ValueCondition::Kind::none;
  if (!looks && context.blocks.empty()) [[likely]] {
    written.status =
        context.server.cache.put(context.session, context.key(1), context.args[value_index], options.expiry_after(nullptr));
    return written;
  }
  written.status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = looks ? decision.current() : nullptr;
    written.old = HeldValue();
    if (options.get_old && current != nullptr) written.old.take(*current);
    written.stored = options.condition.allows(current);
    if (written.stored) put_argument(context, decision, value_index, options.expiry_after(current));
  });
  return written;
}

Outcome answer_old(Context& context, const HeldValue& old) {
  context.server.cache.count_lookup(context.session, context.key(1), old.found);
  old.answer(context.reply);
  return Outcome::done;
}

Outcome set(Context& context) {
  SetOptions options;
  constexpr unsigned kKnown = SetOptions::kExistence | SetOptions::kComparison | SetOptions::kGet | SetOptions::kKeepTtl;
  if (!options.parse(context, 3, kKnown) || !options.expiry(context)) return Outcome::done;
  const Written written = store(context, options, 2);
  if (written.status != Status::ok) return refuse(context, written.status);
  if (options.get_old) return answer_old(context, written.old);
  written.stored ? context.reply.ok() : context.reply.null();
  return Outcome::done;
}

// SETEX and PSETEX.
Outcome set_for(Context& context, bool seconds) {
  SetOptions options;
  options.unit = ExpireUnit{.seconds = seconds, .absolute = false};
  options.amount = context.args[2];
  if (!options.expiry(context)) return Outcome::done;
  const Written written = store(context, options, 3);
  if (written.status != Status::ok) return refuse(context, written.status);
  context.reply.ok();
  return Outcome::done;
}

Outcome setex(Context& context) { return set_for(context, true); }
Outcome psetex(Context& context) { return set_for(context, false); }

Outcome setnx(Context& context) {
  SetOptions options;
  options.condition.kind = ValueCondition::Kind::absent;
  const Written written = store(context, options, 2);
  if (written.status != Status::ok) return refuse(context, written.status);
  context.reply.integer(written.stored ? 1 : 0);
  return Outcome::done;
}

Outcome getset(Context& context) {
  SetOptions options;
  options.get_old = true;
  const Written written = store(context, options, 2);
  if (written.status != Status::ok) return refuse(context, written.status);
  return answer_old(context, written.old);
}

Outcome getdel(Context& context) {
  HeldValue old;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    old = HeldValue();
    if (current == nullptr) return;
    old.take(*current);
    decision.remove();
  });
  if (status != Status::ok) return refuse(context, status);
  return answer_old(context, old);
}

Outcome getex(Context& context) {
  SetOptions options;
  if (!options.parse(context, 2, SetOptions::kPersist)) return Outcome::done;
  if (!options.unit && !options.persist) return get(context);
  // What the amount says matters only where there is a key.
  if (!context.server.cache.peek(context.session, context.key(1), [](const ItemView&) {})) return answer_old(context, {});
  if (!options.expiry(context)) return Outcome::done;
  HeldValue old;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    old = HeldValue();
    if (current == nullptr) return;
    old.take(*current);
    decision.set_expiry(options.expire_at_ms);
  });
  if (status != Status::ok) return refuse(context, status);
  return answer_old(context, old);
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

// Keys and values in turn, `pairs` of them from argument `first` on: all of them are stored at one moment, or none. Whether they were; with a
// status other than ok the error is answered.
Status store_all(Context& context, std::size_t first, std::size_t pairs, const SetOptions& options, bool& stored) {
  const bool conditional = options.condition.kind != ValueCondition::Kind::none;
  std::vector<Key> keys;
  keys.reserve(conditional ? 2 * pairs : pairs);
  std::size_t bytes = 0;
  for (std::size_t i = first; i < first + 2 * pairs; i += 2) {
    keys.push_back(context.key(i));
    bytes += context.args[i].size() + context.args[i + 1].size();
  }
  // Under a condition each key is looked at before the first is written.
  for (std::size_t i = 0; conditional && i < pairs; ++i) keys.push_back(keys[i]);
  const std::size_t looks = keys.size() - pairs;
  stored = true;
  const Status status = context.server.cache.update_many(context.session, keys, bytes, [&](std::size_t i, Decision& decision) {
    if (i == 0) stored = true;
    if (i < looks) {
      stored = stored && options.condition.allows(decision.current());
    } else if (stored) {
      const std::int64_t expiry = options.expiry_after(options.keep_ttl ? decision.current() : nullptr);
      put_argument(context, decision, first + 2 * (i - looks) + 1, expiry);
    }
  });
  if (status != Status::ok) (void)refuse(context, status);
  return status;
}

// MSET and MSETNX.
Outcome set_pairs(Context& context, ValueCondition::Kind condition) {
  if (context.args.size() % 2 == 0) {
    context.reply.error(errors::wrong_arity(context.command->full_name));
    return Outcome::done;
  }
  SetOptions options;
  options.condition.kind = condition;
  bool stored = false;
  if (store_all(context, 1, context.args.size() / 2, options, stored) != Status::ok) return Outcome::done;
  condition == ValueCondition::Kind::none ? context.reply.ok() : context.reply.integer(stored ? 1 : 0);
  return Outcome::done;
}

Outcome mset(Context& context) { return set_pairs(context, ValueCondition::Kind::none); }
Outcome msetnx(Context& context) { return set_pairs(context, ValueCondition::Kind::absent); }

Outcome msetex(Context& context) {
  const auto count = parse_integer(context.args[1]);
  if (!count || *count < 1 || *count > std::numeric_limits<std::int32_t>::max()) {
    context.reply.error(errors::kInvalidKeyCount);
    return Outcome::done;
  }
  const auto pairs = static_cast<std::size_t>(*count);
  if (pairs > (context.args.size() - 2) / 2) {
    context.reply.error(errors::kWrongPairs);
    return Outcome::done;
  }
  SetOptions options;
  if (!options.parse(context, 2 + 2 * pairs, SetOptions::kExistence | SetOptions::kKeepTtl) || !options.expiry(context))
    return Outcome::done;
  bool stored = false;
  if (store_all(context, 2, pairs, options, stored) != Status::ok) return Outcome::done;
  context.reply.integer(stored ? 1 : 0);
  return Outcome::done;
}

constexpr KeySpec kReads{1, 1, 1, KeyAccess::read};
constexpr KeySpec kUpdates{1, 1, 1, KeyAccess::read_write};
constexpr KeySpec kWrites{1, 1, 1, KeyAccess::write};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"get", 2, kReadonly | kFast, kReads, "string", "1.0.0", "Returns the string value of a key.", "O(1)", "key", get},
    {"getdel", 2, kWrite | kFast, {1, 1, 1, KeyAccess::read_remove}, "string", "6.2.0",
     "Returns the string value of a key and removes the key.", "O(1)", "key", getdel},
    {"getex", -2, kWrite | kFast, kUpdates, "string", "6.2.0",
     "Returns the string value of a key and changes or removes its expiration.", "O(1)",
     "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]", getex},
    {"getset", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Returns the previous string value of a key after setting it to a new one.", "O(1)", "key value", getset},
    {"mget", -2, kReadonly | kFast, {1, -1, 1, KeyAccess::read}, "string", "1.0.0",
     "Atomically returns the string values of one or more keys.", "O(N) where N is the number of keys to retrieve.",
     "key [key ...]", mget},
    {"mset", -3, kWrite | kDenyOom, {1, -1, 2, KeyAccess::write}, "string", "1.0.1",
     "Atomically creates or modifies the string values of one or more keys.", "O(N) where N is the number of keys to set.",
     "key value [key value ...]", mset},
    {"msetex", -4, kWrite | kDenyOom, {2, 0, 2, KeyAccess::write, 1}, "string", "8.4.0",
     "Atomically sets several keys, all with the same expiration, and only if they meet a condition.",
     "O(N) where N is the number of keys to set.",
     "numkeys key value [key value ...] [NX|XX] "
     "[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]", msetex},
    {"msetnx", -3, kWrite | kDenyOom, {1, -1, 2, KeyAccess::insert}, "string", "1.0.1",
     "Atomically sets several keys, only if none of them exists.", "O(N) where N is the number of keys to set.",
     "key value [key value ...]", msetnx},
    {"psetex", 4, kWrite | kDenyOom, kWrites, "string", "2.6.0", "Sets a key with an expiration in milliseconds.", "O(1)",
     "key milliseconds value", psetex},
    {"set", -3, kWrite | kDenyOom, {1, 1, 1, KeyAccess::may_read_write}, "string", "1.0.0",
     "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
     "O(1); under a condition O(N) where N is the length of the value",
     "key value [NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest] [GET] "
     "[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]", set},
    {"setex", 4, kWrite | kDenyOom, kWrites, "string", "2.0.0", "Sets a key with an expiration in seconds.", "O(1)",
     "key seconds value", setex},
    {"setnx", 3, kWrite | kDenyOom | kFast, {1, 1, 1, KeyAccess::insert}, "string", "1.0.0",
     "Sets the string value of a key only if the key doesn't exist.", "O(1)", "key value", setnx},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> string_commands() { return kCommands; }

}  // namespace strata::server
