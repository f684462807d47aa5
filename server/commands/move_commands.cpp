#include <array>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/database_index.h"
#include "server/commands/families.h"
#include "server/commands/held_value.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// What is to become of a key and its value: RENAME, RENAMENX, COPY, MOVE.
struct Transfer {
  Key from;
  Key to;
  bool keeps_source = false;
  bool replaces = false;  // what is there already
};

enum class Transferred : std::uint8_t { done, no_source, occupied };

// At one moment. A large value is not copied: the other key refers to the same block.
Status carry_out(Context& context, const Transfer& transfer, Transferred& result) {
  HeldValue value;
  bool occupied = false;
  const std::array keys{transfer.to, transfer.from, transfer.to};
  return context.server.cache.update_many(context.session, keys, 0, [&](std::size_t i, Decision& decision) {
    const ItemView* current = decision.current();
    switch (i) {
      case 0: occupied = current != nullptr && !transfer.replaces; break;
      case 1:
        value = HeldValue();
        if (current != nullptr) value.take(*current);
        result = !value.found ? Transferred::no_source : occupied ? Transferred::occupied : Transferred::done;
        if (result == Transferred::done && !transfer.keeps_source) decision.remove();
        break;
      default:
        if (result != Transferred::done) break;
        value.put(decision, value.expire_at_ms);
        decision.keep_lifetime(value.lifetime_ms);
        if (!transfer.keeps_source) decision.takes_over();
    }
  });
}

// Where source and destination are the same key nothing is moved.
bool exists(Context& context, const Key& key) {
  return context.server.cache.peek(context.session, key, [](const ItemView&) {});
}

Outcome rename_key(Context& context, bool replaces) {
  const Transfer transfer{.from = context.key(1), .to = context.key(2), .replaces = replaces};
  Transferred result = Transferred::done;
  if (context.args[1] == context.args[2]) {
    result = exists(context, transfer.from) ? Transferred::occupied : Transferred::no_source;
  } else {
    const Status status = carry_out(context, transfer, result);
    if (status != Status::ok) return refuse(context, status);
  }
  if (result == Transferred::no_source) {
    context.reply.error(errors::kNoSuchKey);
  } else if (replaces) {
    context.reply.ok();
  } else {
    context.reply.integer(result == Transferred::done ? 1 : 0);
  }
  return Outcome::done;
}

Outcome rename(Context& context) { return rename_key(context, true); }
Outcome renamenx(Context& context) { return rename_key(context, false); }

Outcome transfer_to(Context& context, const Transfer& transfer) {
  if (transfer.from.ns == transfer.to.ns && transfer.from.bytes == transfer.to.bytes) {
    context.reply.error(errors::kSameObject);
    return Outcome::done;
  }
  Transferred result = Transferred::done;
  const Status status = carry_out(context, transfer, result);
  if (status != Status::ok) return refuse(context, status);
  if (transfer.keeps_source) context.server.cache.count_lookup(context.session, transfer.from, result != Transferred::no_source);
  context.reply.integer(result == Transferred::done ? 1 : 0);
  return Outcome::done;
}

Outcome copy(Context& context) {
  Transfer transfer{.from = context.key(1), .to = {}, .keeps_source = true};
  Namespace database = context.client.database();
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    if (equals_ignoring_case(context.args[i], "replace")) {
      transfer.replaces = true;
    } else if (equals_ignoring_case(context.args[i], "db") && i + 1 < context.args.size()) {
      const auto index = parse_database_index(context, context.args[++i]);
      if (!index) return Outcome::done;
      database = *index;
    } else {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
  }
  transfer.to = context.server.cache.key(database, context.args[2]);
  return transfer_to(context, transfer);
}

Outcome move(Context& context) {
  const auto database = parse_database_index(context, context.args[2]);
  if (!database) return Outcome::done;
  return transfer_to(context, {.from = context.key(1), .to = context.server.cache.key(*database, context.args[1])});
}

// clang-format off
constexpr KeySpec kCopyKinds[] = {{1, 1, 1, KeyAccess::read}, {2, 2, 1, KeyAccess::write}};
constexpr KeySpec kRenameKinds[] = {{1, 1, 1, KeyAccess::read_remove}, {2, 2, 1, KeyAccess::write}};
constexpr KeySpec kRenameNxKinds[] = {{1, 1, 1, KeyAccess::read_remove}, {2, 2, 1, KeyAccess::insert}};
constexpr CommandSpec kCommands[] = {
    {"copy", -3, kWrite | kDenyOom, {1, 2, 1, KeyAccess::write}, "generic", "6.2.0",
     "Copies the value and the expiration of a key to another key, in this database or another.", "O(1)",
     "source destination [DB destination-db] [REPLACE]", copy, {}, kCopyKinds},
    {"move", 3, kWrite | kFast, {1, 1, 1, KeyAccess::read_write}, "generic", "1.0.0", "Moves a key to another database.", "O(1)",
     "key db", move},
    {"rename", 3, kWrite, {1, 2, 1, KeyAccess::write}, "generic", "1.0.0",
     "Renames a key. What was under the new name gives way.", "O(1)", "key newkey", rename, {}, kRenameKinds},
    {"renamenx", 3, kWrite | kFast, {1, 2, 1, KeyAccess::insert}, "generic", "1.0.0",
     "Renames a key, only if nothing is under the new name.", "O(1)", "key newkey", renamenx, {}, kRenameNxKinds},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> move_commands() { return kCommands; }

}  // namespace strata::server
