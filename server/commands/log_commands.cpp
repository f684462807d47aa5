// SLOWLOG, as Redis has it, and COMMANDLOG, as Valkey: what CommandLog has noted.
#include <algorithm>
#include <limits>
#include <optional>

#include "protocol/errors.h"
#include "server/commands/command_log.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;
using Kind = CommandLog::Kind;

constexpr std::size_t kUsualCount = 10;

void answer(Context& context, Kind kind, std::size_t count) {
  const std::vector<CommandLog::Entry> entries = context.server.command_log.last(kind, count);
  Reply& reply = context.reply;
  reply.array(entries.size());
  for (const CommandLog::Entry& entry : entries) {
    reply.array(6);
    reply.integer(static_cast<std::int64_t>(entry.id));
    reply.integer(entry.at_s);
    reply.integer(static_cast<std::int64_t>(entry.measured));
    reply.array(entry.words.size());
    for (const std::string& word : entry.words) reply.bulk(word);
    reply.bulk(entry.client_address);
    reply.bulk(entry.client_name);
  }
}

// How many are wanted; nothing: an error has been answered.
std::optional<std::size_t> wanted_count(Context& context, std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < -1) {
    context.reply.error(errors::kBadLogCount);
    return std::nullopt;
  }
  return *number == -1 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(*number);
}

std::optional<Kind> wanted_kind(Context& context, std::string_view text) {
  if (equals_ignoring_case(text, "slow")) return Kind::slow;
  if (equals_ignoring_case(text, "large-request")) return Kind::large_request;
  if (equals_ignoring_case(text, "large-reply")) return Kind::large_reply;
  context.reply.error(errors::kBadLogType);
  return std::nullopt;
}

Outcome slow_get(Context& context) {
  if (context.args.size() > 3) {
    context.reply.error(errors::subcommand_syntax("slowlog", context.args[1]));
    return Outcome::done;
  }
  const auto count = context.args.size() == 3 ? wanted_count(context, context.args[2]) : std::optional(kUsualCount);
  if (count) answer(context, Kind::slow, *count);
  return Outcome::done;
}

Outcome slow_len(Context& context) {
  context.reply.integer(static_cast<std::int64_t>(context.server.command_log.size(Kind::slow)));
  return Outcome::done;
}

Outcome slow_reset(Context& context) {
  context.server.command_log.reset(Kind::slow);
  context.reply.ok();
  return Outcome::done;
}

Outcome get(Context& context) {
  const auto count = wanted_count(context, context.args[2]);
  if (!count) return Outcome::done;
  if (const auto kind = wanted_kind(context, context.args[3])) answer(context, *kind, *count);
  return Outcome::done;
}

Outcome len(Context& context) {
  if (const auto kind = wanted_kind(context, context.args[2]))
    context.reply.integer(static_cast<std::int64_t>(context.server.command_log.size(*kind)));
  return Outcome::done;
}

Outcome reset(Context& context) {
  if (const auto kind = wanted_kind(context, context.args[2])) {
    context.server.command_log.reset(*kind);
    context.reply.ok();
  }
  return Outcome::done;
}

constexpr std::uint32_t kOperates = kAdmin | kLoading | kStale;

// clang-format off
constexpr CommandSpec kSlowSubcommands[] = {
    {"get", -2, kOperates, {}, "server", "2.2.12", "Returns the last slow commands, 10 or as many as asked for, the newest first.",
     "O(N) where N is the number of entries returned", "[count]", slow_get},
    {"help", 2, kLoading | kStale, {}, "server", "6.2.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"len", 2, kOperates, {}, "server", "2.2.12", "Returns the number of slow commands that are remembered.", "O(1)", "", slow_len},
    {"reset", 2, kOperates, {}, "server", "2.2.12", "Forgets the slow commands.", "O(N) where N is the number of entries", "", slow_reset},
};
constexpr CommandSpec kSubcommands[] = {
    {"get", 4, kOperates, {}, "server", "8.1.0", "Returns the last commands that were slow, or whose request or reply was large.",
     "O(N) where N is the number of entries returned", "count type", get},
    {"help", 2, kLoading | kStale, {}, "server", "8.1.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"len", 3, kOperates, {}, "server", "8.1.0", "Returns the number of commands of a type that are remembered.", "O(1)", "type", len},
    {"reset", 3, kOperates, {}, "server", "8.1.0", "Forgets the commands of a type.", "O(N) where N is the number of entries", "type", reset},
};
constexpr CommandSpec kCommands[] = {
    {"commandlog", -2, 0, {}, "server", "8.1.0", "A container for commands that tell of slow and large commands.",
     "Depends on subcommand.", "", nullptr, kSubcommands},
    {"slowlog", -2, 0, {}, "server", "2.2.12", "A container for commands that tell of slow commands.", "Depends on subcommand.", "",
     nullptr, kSlowSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> log_commands() { return kCommands; }

}  // namespace strata::server
