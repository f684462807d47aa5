#include <limits>
#include <optional>

#include "protocol/errors.h"
#include "server/access/permission.h"
#include "server/commands/client_name.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/words.h"
#include "server/version.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome ping(Context& context) {
  if (context.args.size() > 2) {
    context.reply.error(errors::wrong_arity("ping"));
  } else if (context.args.size() == 2) {
    context.reply.bulk(context.args[1]);
  } else {
    context.reply.simple("PONG");
  }
  return Outcome::done;
}

Outcome echo(Context& context) {
  context.reply.bulk(context.args[1]);
  return Outcome::done;
}

Outcome quit(Context& context) {
  context.client.close_after_reply = true;
  context.reply.ok();
  return Outcome::done;
}

Outcome auth(Context& context) {
  if (context.args.size() > 3) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  const bool password_only = context.args.size() == 2;
  if (password_only && !context.server.acl.find(kDefaultUser)->needs_password()) {
    context.reply.error(errors::kNoPasswordConfigured);
    return Outcome::done;
  }
  const bool right =
      password_only ? log_in(context, kDefaultUser, context.args[1]) : log_in(context, context.args[1], context.args[2]);
  right ? context.reply.ok() : context.reply.error(errors::kWrongPassword);
  return Outcome::done;
}

Outcome select(Context& context) {
  const auto index = parse_integer(context.args[1]);
  if (!index) {
    context.reply.error(errors::kNotInteger);
  } else if (*index < std::numeric_limits<std::int32_t>::min() || *index > std::numeric_limits<std::int32_t>::max()) {
    context.reply.error(errors::kDatabaseNotInt32);
  } else if (*index < 0 || static_cast<std::size_t>(*index) >= context.server.cache.options().namespaces) {
    context.reply.error(errors::kDatabaseOutOfRange);
  } else {
    context.client.set_database(static_cast<Namespace>(*index));
    context.reply.ok();
  }
  return Outcome::done;
}

void switch_protocol(Context& context, protocol::Version version) {
  context.client.set_resp3(version == protocol::Version::resp3);
  context.reply.set_version(version);
}

void describe_server(Context& context) {
  Reply& reply = context.reply;
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");  // clients decide by this name which commands they may send
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(static_cast<std::int64_t>(reply.version()));
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(context.client.identity().id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

// Reads the options of HELLO. As in Redis, AUTH and SETNAME take effect where they stand, the version when all is in order.
bool parse_hello(Context& context, std::optional<protocol::Version>& wanted) {
  const auto fail = [&](std::string_view text) {
    context.reply.error(text);
    return false;
  };
  if (context.args.size() > 1) {
    const auto version = parse_integer(context.args[1]);
    if (!version) return fail(errors::kProtocolNotInteger);
    if (*version < 2 || *version > 3) return fail(errors::kUnsupportedProtocol);
    wanted = *version == 3 ? protocol::Version::resp3 : protocol::Version::resp2;
  }
  for (std::size_t i = 2; i < context.args.size(); ++i) {
    const std::size_t more = context.args.size() - 1 - i;
    if (equals_ignoring_case(context.args[i], "auth") && more >= 2) {
      if (!log_in(context, context.args[i + 1], context.args[i + 2])) return fail(errors::kWrongPassword);
      i += 2;
    } else if (equals_ignoring_case(context.args[i], "setname") && more >= 1) {
      if (!is_client_name(context.args[++i])) return fail(errors::kBadClientName);
      context.client.set_name(context.args[i]);
    } else {
      return fail(errors::hello_option(context.args[i]));
    }
  }
  return true;
}

Outcome hello(Context& context) {
  std::optional<protocol::Version> wanted;
  if (!parse_hello(context, wanted)) return Outcome::done;
  if (context.server.acl.needs_log_in(context.client)) {
    context.reply.error(errors::kHelloNotAuthenticated);
  } else {
    if (wanted) switch_protocol(context, *wanted);
    describe_server(context);
  }
  return Outcome::done;
}

Outcome reset(Context& context) {
  context.client.set_database(0);
  context.client.set_name({});
  context.client.set_touching(true);
  context.session.set_touching(true);
  context.client.replies = Client::Replies::all;
  if (context.client.watcher()) {
    context.server.monitors.remove(context.client.watcher());
    context.client.set_watcher(nullptr);
  }
  context.server.acl.begin(context.client);
  switch_protocol(context, protocol::Version::resp2);
  context.reply.simple("RESET");
  return Outcome::done;
}

constexpr std::uint32_t kEarly = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"auth", -2, kEarly, {}, "connection", "1.0.0", "Authenticates the connection.", "O(N) where N is the number of passwords",
     "[username] password", auth},
    {"echo", 2, kLoading | kStale | kFast, {}, "connection", "1.0.0", "Returns the given string.", "O(1)", "message", echo},
    {"hello", -1, kEarly, {}, "connection", "6.0.0", "Handshakes with the server.", "O(1)",
     "[protover [AUTH username password] [SETNAME clientname]]", hello},
    {"ping", -1, kFast, {}, "connection", "1.0.0", "Returns the server's liveliness response.", "O(1)", "[message]", ping},
    {"quit", -1, kEarly, {}, "connection", "1.0.0", "Closes the connection.", "O(1)", "", quit},
    {"reset", 1, kEarly, {}, "connection", "6.2.0", "Resets the connection.", "O(1)", "", reset},
    {"select", 2, kLoading | kStale | kFast, {}, "connection", "1.0.0", "Changes the selected database.", "O(1)", "index", select},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> connection_commands() { return kCommands; }

}  // namespace strata::server
