#include <fmt/format.h>

#include <string>

#include "protocol/errors.h"
#include "server/commands/client_line.h"
#include "server/commands/client_list_kill.h"
#include "server/commands/client_modes.h"
#include "server/commands/client_name.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome id(Context& context) {
  context.reply.integer(static_cast<std::int64_t>(context.client.identity().id));
  return Outcome::done;
}

Outcome info(Context& context) {
  note_own_command(context.client, context.command, context.now_ms());
  context.reply.verbatim("txt", client_line(context.client, context.now_ms()) + "\n");
  return Outcome::done;
}

Outcome getname(Context& context) {
  const std::string name = context.client.name();
  name.empty() ? context.reply.null() : context.reply.bulk(name);
  return Outcome::done;
}

Outcome setname(Context& context) {
  if (!is_client_name(context.args[2])) {
    context.reply.error(errors::kBadClientName);
    return Outcome::done;
  }
  context.client.set_name(context.args[2]);
  context.reply.ok();
  return Outcome::done;
}

Outcome setinfo(Context& context) {
  const std::string_view attribute = context.args[2];
  const std::string_view value = context.args[3];
  const bool name = equals_ignoring_case(attribute, "lib-name");
  if (!name && !equals_ignoring_case(attribute, "lib-ver")) {
    context.reply.error(fmt::format("ERR Unrecognized option '{}'", attribute));
  } else if (!is_client_name(value)) {
    context.reply.error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", lower_case(attribute)));
  } else {
    name ? context.client.set_library_name(value) : context.client.set_library_version(value);
    context.reply.ok();
  }
  return Outcome::done;
}

Outcome unblock(Context& context) {
  const auto id = parse_integer(context.args[2]);
  const bool has_reason = context.args.size() == 4;
  const bool with_error = has_reason && equals_ignoring_case(context.args[3], "error");
  if (context.args.size() > 4) {
    context.reply.error(errors::subcommand_syntax("client", context.args[1]));
  } else if (has_reason && !with_error && !equals_ignoring_case(context.args[3], "timeout")) {
    context.reply.error(errors::kBadUnblockReason);
  } else if (!id) {
    context.reply.error(errors::kNotInteger);
  } else {
    const auto client = context.server.clients.find(static_cast<std::uint64_t>(*id));
    context.reply.integer(client != nullptr && client->unblock(with_error) ? 1 : 0);
  }
  return Outcome::done;
}

// Nobody's keys are tracked.
Outcome getredir(Context& context) {
  context.reply.integer(-1);
  return Outcome::done;
}

Outcome trackinginfo(Context& context) {
  Reply& reply = context.reply;
  reply.map(3);
  reply.bulk("flags");
  reply.set(1);
  reply.bulk("off");
  reply.bulk("redirect");
  reply.integer(-1);
  reply.bulk("prefixes");
  reply.array(0);
  return Outcome::done;
}

constexpr std::uint32_t kOwn = kNoScript | kLoading | kStale;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"getname", 2, kOwn, {}, "connection", "2.6.9", "Returns the name of the connection.", "O(1)", "", getname},
    {"getredir", 2, kOwn, {}, "connection", "6.0.0", "Returns the client that tracking notifications are redirected to: -1, as none are sent.",
     "O(1)", "", getredir},
    {"help", 2, kLoading | kStale, {}, "connection", "5.0.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"id", 2, kOwn, {}, "connection", "5.0.0", "Returns the unique client ID of the connection.", "O(1)", "", id},
    {"info", 2, kOwn, {}, "connection", "6.2.0", "Returns information about the connection.", "O(1)", "", info},
    {"kill", -3, kOwn | kAdmin | kDangerous, {}, "connection", "2.4.0", "Disconnects clients.",
     "O(N) where N is the number of client connections",
     "ip:port|[ID client-id] [TYPE NORMAL|MASTER|SLAVE|REPLICA|PUBSUB] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME YES|NO] "
     "[MAXAGE seconds]", client_kill},
    {"list", -2, kOwn | kAdmin | kDangerous, {}, "connection", "2.4.0", "Lists open connections.",
     "O(N) where N is the number of client connections", "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]", client_list},
    {"no-evict", 3, kOwn | kAdmin | kDangerous, {}, "connection", "7.0.0",
     "Says whether the connection is spared where clients hold more than limits.all_clients.", "O(1)", "ON|OFF",
     client_no_evict},
    {"no-touch", 3, kOwn | kAdmin | kDangerous, {}, "connection", "7.2.0",
     "Says whether reads of the connection leave alone what the eviction policy knows of keys.", "O(1)", "ON|OFF", client_no_touch},
    {"pause", -3, kOwn | kAdmin | kDangerous, {}, "connection", "3.0.0", "Has commands of all clients wait, for so many milliseconds.",
     "O(1)", "timeout [WRITE|ALL]", client_pause},
    {"reply", 3, kOwn, {}, "connection", "3.2.0", "Says which replies the connection gets.", "O(1)", "ON|OFF|SKIP", client_reply},
    {"setinfo", 4, kOwn, {}, "connection", "7.2.0", "Sets information specific to the client or connection.", "O(1)",
     "LIB-NAME libname|LIB-VER libver", setinfo},
    {"setname", 3, kOwn, {}, "connection", "2.6.9", "Sets the connection name.", "O(1)", "connection-name", setname},
    {"trackinginfo", 2, kOwn, {}, "connection", "6.2.0", "Returns what is tracked for the connection: nothing.", "O(1)", "", trackinginfo},
    {"unblock", -3, kOwn | kAdmin | kDangerous, {}, "connection", "5.0.0", "Ends the waiting of another connection, as WAIT does.",
     "O(log N) where N is the number of client connections", "client-id [TIMEOUT|ERROR]", unblock},
    {"unpause", 2, kOwn | kAdmin | kDangerous, {}, "connection", "6.2.0", "Ends the pause that CLIENT PAUSE began.",
     "O(N) where N is the number of client connections", "", client_unpause},
};
// clang-format on

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"client", -2, 0, {}, "connection", "2.4.0", "A container for client connection commands.", "Depends on subcommand.", "",
     nullptr, kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> client_commands() { return kCommands; }

}  // namespace strata::server
