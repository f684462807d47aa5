// What a server without replicas answers about them.
#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/timeout.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

Outcome role(Context& context) {
  context.reply.array(3);
  context.reply.bulk("master");
  context.reply.integer(0);
  context.reply.array(0);
  return Outcome::done;
}

// None will ever say that it has the writes, so who waits for one waits as long as it said.
Outcome wait(Context& context) {
  const auto replicas = parse_integer(context.args[1]);
  if (!replicas) {
    context.reply.error(errors::kNotInteger);
    return Outcome::done;
  }
  const auto timeout = parse_timeout(context, context.args[2]);
  if (!timeout) return Outcome::done;
  if (*replicas <= 0) {
    context.reply.integer(0);
    return Outcome::done;
  }
  context.suspension.block(timeout->count() == 0 ? std::nullopt : timeout, [](Context& later) {
    if (later.wait == Client::Wait::ended_with_error) {
      later.reply.error(errors::kUnblocked);
    } else {
      later.reply.integer(0);
    }
    return Outcome::done;
  });
  return Outcome::suspended;
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"role", 1, kNoScript | kLoading | kStale | kFast | kAdmin | kDangerous, {}, "server", "2.8.12",
     "Returns the replication role: a master without replicas.", "O(1)", "", role},
    {"wait", 3, kNoScript | kAboutConnections, {}, "generic", "3.0.0",
     "Waits until so many replicas have the writes of the connection, or the timeout in milliseconds is over; there are none, so it returns 0.",
     "O(1)", "numreplicas timeout", wait},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> replication_commands() { return kCommands; }

}  // namespace strata::server
