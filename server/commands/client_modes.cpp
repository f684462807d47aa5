#include "server/commands/client_modes.h"

#include <memory>
#include <optional>

#include "protocol/errors.h"
#include "server/commands/client_walk.h"
#include "server/commands/in_slices.h"
#include "server/commands/timeout.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

// Nothing: an error has been answered.
std::optional<bool> on_or_off(Context& context) {
  if (equals_ignoring_case(context.args[2], "on")) return true;
  if (equals_ignoring_case(context.args[2], "off")) return false;
  context.reply.error(errors::kSyntax);
  return std::nullopt;
}

}  // namespace

Outcome client_no_evict(Context& context) {
  if (const std::optional<bool> on = on_or_off(context)) {
    context.client.set_spared(*on);
    context.reply.ok();
  }
  return Outcome::done;
}

Outcome client_no_touch(Context& context) {
  if (const std::optional<bool> on = on_or_off(context)) {
    context.client.set_touching(!*on);
    context.session.set_touching(!*on);
    context.reply.ok();
  }
  return Outcome::done;
}

Outcome client_reply(Context& context) {
  Client::Replies& replies = context.client.replies;
  if (equals_ignoring_case(context.args[2], "on")) {
    replies = Client::Replies::all;
    context.reply.ok();
  } else if (equals_ignoring_case(context.args[2], "off")) {
    replies = Client::Replies::none;
  } else if (equals_ignoring_case(context.args[2], "skip")) {
    if (replies != Client::Replies::none) replies = Client::Replies::skip_next;
  } else {
    context.reply.error(errors::kSyntax);
  }
  return Outcome::done;
}

Outcome client_pause(Context& context) {
  using Of = ClientPause::Of;
  const auto& args = context.args;
  if (args.size() > 4) {
    context.reply.error(errors::subcommand_syntax("client", context.args[1]));
    return Outcome::done;
  }
  const bool of_writes = args.size() == 4 && equals_ignoring_case(args[3], "write");
  if (args.size() == 4 && !of_writes && !equals_ignoring_case(args[3], "all")) {
    context.reply.error(errors::kBadPauseMode);
    return Outcome::done;
  }
  if (const auto timeout = parse_timeout(context, args[2])) {
    context.server.pause.begin(of_writes ? Of::writes : Of::everything, context.now_ms() + timeout->count(), context.now_ms());
    context.reply.ok();
  }
  return Outcome::done;
}

namespace {

class Waking {
 public:
  explicit Waking(Context& context) : walk_(context.server.clients) {}

  bool slice(Context& context) {
    if (!walk_.slice([](Client& client) { client.wake(); })) return false;
    context.reply.ok();
    return true;
  }

 private:
  ClientWalk walk_;
};

}  // namespace

Outcome client_unpause(Context& context) {
  context.server.pause.end();
  return in_slices(context, std::make_shared<Waking>(context));
}

}  // namespace strata::server
