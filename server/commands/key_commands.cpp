#include <vector>

#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"

namespace strata::server {

namespace {

// DEL and UNLINK: one key or many, all at one moment. Memory of removed items is never given back on the caller's time
// in large pieces: a value is one allocation.
Outcome del(Context& context) {
  std::int64_t removed = 0;
  Status status = Status::ok;
  if (context.args.size() == 2) {
    bool was_there = false;
    status = context.server.cache.remove(context.session, context.key(1), was_there);
    removed = was_there ? 1 : 0;
  } else {
    std::vector<Key> keys;
    keys.reserve(context.args.size() - 1);
    for (std::size_t i = 1; i < context.args.size(); ++i) keys.push_back(context.key(i));
    status = context.server.cache.update_many(context.session, keys, 0, [&](std::size_t, Decision& decision) {
      if (decision.current() == nullptr) return;
      decision.remove();
      ++removed;
    });
  }
  if (status != Status::ok) return refuse(context, status);
  context.reply.integer(removed);
  return Outcome::done;
}

// Looks without renewing the recency, but counts the lookup.
template <typename F>
bool look(Context& context, const Key& key, F&& visit) {
  const bool found = context.server.cache.peek(context.session, key, visit);
  context.server.cache.count_lookup(context.session, key, found);
  return found;
}

Outcome exists(Context& context) {
  std::int64_t found = 0;
  for (std::size_t i = 1; i < context.args.size(); ++i) {
    if (look(context, context.key(i), [](const ItemView&) {})) ++found;
  }
  context.session.set_touching(context.client.is_touching());
  context.reply.integer(found);
  return Outcome::done;
}

Outcome type(Context& context) {
  context.reply.simple(look(context, context.key(1), [](const ItemView&) {}) ? "string" : "none");
  return Outcome::done;
}

// As EXISTS, but it counts as a use, also where other reads of the client do not.
Outcome touch(Context& context) {
  std::int64_t found = 0;
  context.session.set_touching(true);
  for (std::size_t i = 1; i < context.args.size(); ++i) {
    if (context.server.cache.read(context.session, context.key(i), [](const ItemView&) {})) ++found;
  }
  context.reply.integer(found);
  return Outcome::done;
}

constexpr KeySpec kLooks{1, 1, 1, KeyAccess::read_only_meta};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"del", -2, kWrite, {1, -1, 1, KeyAccess::remove}, "generic", "1.0.0", "Deletes one or more keys.",
     "O(N) where N is the number of keys that will be removed.", "key [key ...]", del},
    {"exists", -2, kReadonly | kFast, {1, -1, 1, KeyAccess::read_only_meta}, "generic", "1.0.0",
     "Determines whether one or more keys exist.", "O(N) where N is the number of keys to check.", "key [key ...]", exists},
    {"touch", -2, kReadonly | kFast, {1, -1, 1, KeyAccess::read_only_meta}, "generic", "3.2.1",
     "Counts how many of the keys exist, and marks them as used.", "O(N) where N is the number of keys.", "key [key ...]", touch},
    {"type", 2, kReadonly | kFast, kLooks, "generic", "1.0.0", "Determines the type of value stored at a key.", "O(1)", "key",
     type},
    {"unlink", -2, kWrite | kFast, {1, -1, 1, KeyAccess::remove}, "generic", "4.0.0", "Asynchronously deletes one or more keys.",
     "O(1) for each key removed.", "key [key ...]", del},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> key_commands() { return kCommands; }

}  // namespace strata::server
