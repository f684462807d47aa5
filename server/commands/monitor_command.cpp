#include <limits>
#include <optional>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

// False: an error has been answered.
bool parse_option(Context& context, std::string_view name, std::string_view value, MonitorFeed::Filter& filter) {
  const auto fail = [&](std::string_view text) {
    context.reply.error(text);
    return false;
  };
  if (equals_ignoring_case(name, "match")) {
    filter.pattern = value;
    return true;
  }
  if (equals_ignoring_case(name, "command")) {
    const Command* const command = context.server.commands.find_full(value);
    if (command == nullptr) return fail(errors::kInvalidCommand);
    filter.commands.push_back(command);
    return true;
  }
  const auto number = parse_integer(value);
  if (equals_ignoring_case(name, "id")) {
    if (!number || *number < 1) return fail(errors::kBadClientId);
    filter.client_id = static_cast<std::uint64_t>(*number);
    return true;
  }
  if (!equals_ignoring_case(name, "rate")) return fail(errors::kSyntax);
  if (!number || *number < 1 || *number > std::numeric_limits<std::uint32_t>::max()) return fail(errors::kBadMonitorRate);
  filter.lines_a_second = static_cast<std::uint32_t>(*number);
  return true;
}

// Who watches already watches anew, with what it says now.
Outcome monitor(Context& context) {
  MonitorFeed::Filter filter;
  for (std::size_t i = 1; i < context.args.size(); i += 2) {
    if (i + 1 == context.args.size()) {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
    if (!parse_option(context, context.args[i], context.args[i + 1], filter)) return Outcome::done;
  }
  MonitorFeed& feed = context.server.monitors;
  if (context.client.watcher()) feed.remove(context.client.watcher());
  context.client.set_watcher(feed.add(context.server.cache.budget(), std::move(filter), context.client.weak_from_this()));
  context.reply.ok();
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"monitor", -1, kAdmin | kNoScript | kLoading | kStale | kDangerous, {}, "server", "1.0.0",
     "Shows the connection each command as it is carried out, but for those of administrators, until RESET or QUIT.", "O(1)",
     "[MATCH pattern] [COMMAND command-name]... [ID client-id] [RATE lines-per-second]", monitor},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> monitor_commands() { return kCommands; }

}  // namespace strata::server
