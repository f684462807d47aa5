#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/client_line.h"
#include "server/commands/client_modes.h"
#include "server/commands/client_name.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// Redis' letters: 'O' it watches the others, 'b' it waits, 'U' connected by a unix socket, 'e' not to be disconnected for its memory, 'T' its reads
// are no uses, 'N' nothing special.
std::string flags_of(const Client& client) {
  std::string flags;
  if (client.is_watching()) flags += 'O';
  if (client.wait() == Client::Wait::waits) flags += 'b';
  if (client.identity().peer_address.find('/') != std::string::npos) flags += 'U';
  if (client.is_spared()) flags += 'e';
  if (!client.is_touching()) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

// Fields of features that do not exist are at their rest values, since parsers expect them.
std::string client_line(const Client& client, std::int64_t now_ms) {
  const Client::Identity& who = client.identity();
  const Client::Activity& activity = client.activity;
  const auto relaxed = [](const auto& field) { return field.load(std::memory_order_relaxed); };
  const Command* last = relaxed(activity.last_command);
  const std::uint64_t held = relaxed(activity.query_buffer_bytes);
  const std::uint64_t used = std::min(relaxed(activity.query_buffer_used_bytes), held);
  const std::uint64_t output = relaxed(activity.output_bytes);
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 multi=-1 qbuf={} "
      "qbuf-free={} argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events={} cmd={} user={} "
      "redir=-1 resp={} lib-name={} lib-ver={}",
      who.id, who.peer_address, who.local_address, who.fd, client.name(),
      std::max<std::int64_t>(now_ms - who.connected_at_ms, 0) / 1000,
      std::max<std::int64_t>(now_ms - relaxed(activity.last_active_ms), 0) / 1000, flags_of(client), client.database(), used,
      held - used, relaxed(activity.output_segments), output, sizeof(Client) + held + output, output > 0 ? "rw" : "r",
      last != nullptr ? std::string_view(last->full_name) : "NULL", client.user_name(), client.resp3() ? 3 : 2,
      client.library_name(), client.library_version());
}

namespace {

// The client's own line is up to date only when its own turn writes it, which is now.
void note_own_command(Context& context) {
  context.client.activity.last_command.store(context.command, std::memory_order_relaxed);
  context.client.activity.last_active_ms.store(context.now_ms(), std::memory_order_relaxed);
}

Outcome id(Context& context) {
  context.reply.integer(static_cast<std::int64_t>(context.client.identity().id));
  return Outcome::done;
}

Outcome info(Context& context) {
  note_own_command(context);
  context.reply.verbatim("txt", client_line(context.client, context.now_ms()) + "\n");
  return Outcome::done;
}

// A type of clients, of which there are normal ones alone here. Nothing: there is no such type, which is answered.
std::optional<bool> is_normal_type(Context& context, std::string_view type) {
  for (const std::string_view other : {"replica", "slave", "master", "pubsub"}) {
    if (equals_ignoring_case(type, other)) return false;
  }
  if (equals_ignoring_case(type, "normal")) return true;
  context.reply.error(errors::unknown_client_type(type));
  return std::nullopt;
}

// Which clients CLIENT LIST shows.
struct Selection {
  bool none = false;  // of a kind that does not exist here
  std::vector<std::uint64_t> ids;

  [[nodiscard]] bool includes(std::uint64_t client_id) const {
    return !none && (ids.empty() || std::find(ids.begin(), ids.end(), client_id) != ids.end());
  }
};

bool parse_selection(Context& context, Selection& selection) {
  const auto fail = [&](std::string_view text) {
    context.reply.error(text);
    return false;
  };
  if (context.args.size() == 2) return true;
  if (equals_ignoring_case(context.args[2], "type") && context.args.size() == 4) {
    const std::optional<bool> is_normal = is_normal_type(context, context.args[3]);
    selection.none = is_normal == false;
    return is_normal.has_value();
  }
  if (!equals_ignoring_case(context.args[2], "id") || context.args.size() == 3) return fail(errors::kSyntax);
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const auto number = parse_integer(context.args[i]);
    if (!number) return fail(errors::kBadClientId);  // as in Redis, nobody has a number below 1, but it may be asked for
    selection.ids.push_back(static_cast<std::uint64_t>(*number));
  }
  return true;
}

Outcome list(Context& context) {
  Selection selection;
  if (!parse_selection(context, selection)) return Outcome::done;
  note_own_command(context);
  std::string lines;
  for (const auto& client : context.server.clients.snapshot()) {
    if (selection.includes(client->identity().id)) lines += client_line(*client, context.now_ms()) + "\n";
  }
  context.reply.verbatim("txt", lines);
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

// Which clients CLIENT KILL disconnects: those that fit everything that is said.
struct Doomed {
  bool none = false;  // of a kind that does not exist here
  bool spares_own = true;
  std::uint64_t id = 0;
  std::string_view address, local_address, user;
  std::int64_t least_age_ms = 0;

  [[nodiscard]] bool includes(const Client& client, std::int64_t now_ms) const {
    const Client::Identity& who = client.identity();
    return !none && (id == 0 || who.id == id) && (address.empty() || who.peer_address == address) &&
           (local_address.empty() || who.local_address == local_address) && (user.empty() || client.user_name() == user) &&
           now_ms - who.connected_at_ms >= least_age_ms;
  }
};

std::optional<std::int64_t> at_least_one(Context& context, std::string_view text, std::string_view error) {
  const auto number = parse_integer(text);
  if (number && *number >= 1) return number;
  context.reply.error(error);
  return std::nullopt;
}

// False: an error is answered.
bool parse_filter(Context& context, std::string_view name, std::string_view value, Doomed& doomed) {
  if (equals_ignoring_case(name, "id")) {
    const auto number = at_least_one(context, value, errors::kClientIdTooSmall);
    doomed.id = static_cast<std::uint64_t>(number.value_or(0));
    return number.has_value();
  }
  if (equals_ignoring_case(name, "maxage")) {
    const auto seconds = at_least_one(context, value, errors::kMaxAgeTooSmall);
    doomed.least_age_ms = std::min<std::int64_t>(seconds.value_or(0), std::numeric_limits<std::int64_t>::max() / 1000) * 1000;
    return seconds.has_value();
  }
  if (equals_ignoring_case(name, "type")) {
    const std::optional<bool> is_normal = is_normal_type(context, value);
    doomed.none = doomed.none || is_normal == false;
    return is_normal.has_value();
  }
  if (equals_ignoring_case(name, "user")) {
    doomed.user = value;
    if (context.server.acl.find(value) != nullptr) return true;
    context.reply.error(errors::no_such_user(value));
    return false;
  }
  if (equals_ignoring_case(name, "addr")) {
    doomed.address = value;
    doomed.none = doomed.none || value.empty();  // which nobody has
  } else if (equals_ignoring_case(name, "laddr")) {
    doomed.local_address = value;
    doomed.none = doomed.none || value.empty();
  } else if (equals_ignoring_case(name, "skipme") && (equals_ignoring_case(value, "yes") || equals_ignoring_case(value, "no"))) {
    doomed.spares_own = equals_ignoring_case(value, "yes");
  } else {
    context.reply.error(errors::kSyntax);
    return false;
  }
  return true;
}

std::int64_t disconnect_all(Context& context, const Doomed& doomed) {
  std::int64_t disconnected = 0;
  for (const auto& client : context.server.clients.snapshot()) {
    if (!doomed.includes(*client, context.now_ms())) continue;
    if (client.get() == &context.client) {
      if (doomed.spares_own) continue;
      // It still gets the answer.
      context.client.close_after_reply = true;
      ++disconnected;
    } else if (client->disconnect(Client::Reason::killed)) {
      ++disconnected;
    }
  }
  return disconnected;
}

// CLIENT KILL address, as it was before there were filters; or pairs of filters and values.
Outcome kill(Context& context) {
  if (context.args.size() == 3) {
    Doomed one;
    one.spares_own = false;
    one.address = context.args[2];
    one.none = one.address.empty();  // which nobody has; for a filter it would mean that there is none
    disconnect_all(context, one) > 0 ? context.reply.ok() : context.reply.error(errors::kNoSuchClient);
    return Outcome::done;
  }
  Doomed doomed;
  for (std::size_t i = 2; i < context.args.size(); i += 2) {
    if (i + 1 == context.args.size()) {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
    if (!parse_filter(context, context.args[i], context.args[i + 1], doomed)) return Outcome::done;
  }
  context.reply.integer(disconnect_all(context, doomed));
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
     "[MAXAGE seconds]", kill},
    {"list", -2, kOwn | kAdmin | kDangerous, {}, "connection", "2.4.0", "Lists open connections.",
     "O(N) where N is the number of client connections", "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]", list},
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
