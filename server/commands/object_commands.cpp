#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/object_facts.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// Looks without renewing the recency, but counts the lookup.
template <typename F>
Outcome inspect(Context& context, F&& answer) {
  const Key key = context.key(2);
  const bool found = context.server.cache.peek(context.session, key, answer);
  context.server.cache.count_lookup(context.session, key, found);
  if (!found) context.reply.null();
  return Outcome::done;
}

// Redis' names for how strings are stored, by what the value is. Nothing tells by which command it was made.
Outcome encoding(Context& context) {
  return inspect(context, [&](const ItemView& item) { context.reply.bulk(encoding_name(item.value)); });
}

// Values are never shared between keys as far as commands can see.
Outcome refcount(Context& context) {
  return inspect(context, [&](const ItemView&) { context.reply.integer(1); });
}

Outcome idletime(Context& context) {
  return inspect(context, [&](const ItemView&) { context.reply.error(errors::kNoIdleTime); });
}

Outcome freq(Context& context) {
  const Key key = context.key(2);
  const auto hits = context.server.cache.hits(context.session, key);
  context.server.cache.count_lookup(context.session, key, hits.has_value());
  if (!hits) {
    context.reply.null();
  } else if (!counts_hits(context.server.cache.tunables().policy)) {
    context.reply.error(errors::kNoFrequency);
  } else {
    context.reply.integer(*hits);
  }
  return Outcome::done;
}

constexpr KeySpec kLooks{2, 2, 1, KeyAccess::read_only_meta};

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"encoding", 3, kReadonly, kLooks, "generic", "2.2.3", "Returns what Redis would call the encoding of the value of a key.", "O(1)",
     "key", encoding},
    {"freq", 3, kReadonly, kLooks, "generic", "4.0.0",
     "Returns how often a key was asked for since the eviction policy last judged it, 3 at most; under allkeys-lfu and volatile-lfu about how often, "
     "where older uses count less.", "O(1)", "key", freq},
    {"help", 2, kLoading | kStale, {}, "generic", "6.2.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"idletime", 3, kReadonly, kLooks, "generic", "2.2.3", "Answers an error: times of access are not kept.", "O(1)", "key", idletime},
    {"refcount", 3, kReadonly, kLooks, "generic", "2.2.3", "Returns the number of references to the value of a key, which is 1.", "O(1)",
     "key", refcount},
};
constexpr CommandSpec kCommands[] = {
    {"object", -2, 0, {}, "generic", "2.2.3", "A container for commands that look at how values are stored.",
     "Depends on the subcommand.", "", nullptr, kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> object_commands() { return kCommands; }

}  // namespace strata::server
