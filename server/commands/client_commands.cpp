#include <fmt/format.h>

#include <iterator>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/client_name.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// One line of CLIENT LIST in the fields and the order of Redis 7.2; fields of features that do not exist are at their
// rest values, since parsers expect them.
void describe(std::string& out, const Client& client, std::int64_t now_ms) {
  const Client::Identity& who = client.identity();
  const Client::Activity& activity = client.activity;
  const auto relaxed = [](const auto& field) { return field.load(std::memory_order_relaxed); };
  const Command* last = relaxed(activity.last_command);
  const std::uint64_t held = relaxed(activity.query_buffer_bytes);
  const std::uint64_t used = std::min(relaxed(activity.query_buffer_used_bytes), held);
  const std::uint64_t output = relaxed(activity.output_bytes);
  const bool unix_socket = who.peer_address.find('/') != std::string::npos;
  fmt::format_to(std::back_inserter(out),
                 "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 multi=-1 qbuf={} "
                 "qbuf-free={} argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events={} cmd={} user=default "
                 "redir=-1 resp={} lib-name={} lib-ver={}\n",
                 who.id, who.peer_address, who.local_address, who.fd, client.name(),
                 std::max<std::int64_t>(now_ms - who.connected_at_ms, 0) / 1000,
                 std::max<std::int64_t>(now_ms - relaxed(activity.last_active_ms), 0) / 1000, unix_socket ? "U" : "N",
                 client.database(), used, held - used, relaxed(activity.output_segments), output, sizeof(Client) + held + output,
                 output > 0 ? "rw" : "r", last != nullptr ? std::string_view(last->full_name) : "NULL", client.resp3() ? 3 : 2,
                 client.library_name(), client.library_version());
}

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
  std::string line;
  describe(line, context.client, context.now_ms());
  context.reply.verbatim("txt", line);
  return Outcome::done;
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
    const std::string_view type = context.args[3];
    for (const std::string_view other : {"replica", "slave", "master", "pubsub"}) {
      if (equals_ignoring_case(type, other)) selection.none = true;
    }
    return selection.none || equals_ignoring_case(type, "normal") || fail(errors::unknown_client_type(type));
  }
  if (!equals_ignoring_case(context.args[2], "id") || context.args.size() == 3) return fail(errors::kSyntax);
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const auto number = parse_integer(context.args[i]);
    if (!number || *number < 1) return fail(errors::kBadClientId);
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
    if (selection.includes(client->identity().id)) describe(lines, *client, context.now_ms());
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

constexpr std::uint32_t kOwn = kNoScript | kLoading | kStale;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"getname", 2, kOwn, {}, "connection", "2.6.9", "Returns the name of the connection.", "O(1)", "", getname},
    {"help", 2, kLoading | kStale, {}, "connection", "5.0.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"id", 2, kOwn, {}, "connection", "5.0.0", "Returns the unique client ID of the connection.", "O(1)", "", id},
    {"info", 2, kOwn, {}, "connection", "6.2.0", "Returns information about the connection.", "O(1)", "", info},
    {"list", -2, kOwn | kAdmin | kDangerous, {}, "connection", "2.4.0", "Lists open connections.",
     "O(N) where N is the number of client connections", "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]", list},
    {"setinfo", 4, kOwn, {}, "connection", "7.2.0", "Sets information specific to the client or connection.", "O(1)",
     "LIB-NAME libname|LIB-VER libver", setinfo},
    {"setname", 3, kOwn, {}, "connection", "2.6.9", "Sets the connection name.", "O(1)", "connection-name", setname},
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
