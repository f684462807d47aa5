// CLIENT LIST and CLIENT KILL: they may go through all clients, and do so some of them a slice.
#include "server/commands/client_list_kill.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/client_line.h"
#include "server/commands/client_walk.h"
#include "server/commands/context.h"
#include "server/commands/in_slices.h"
#include "server/commands/outcomes.h"
#include "server/commands/reply_pieces.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

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
  bool none = false;               // of a kind that does not exist here
  bool all = true;                 // or
  std::vector<std::uint64_t> ids;  // these, in this order
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
  selection.all = false;
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const auto number = parse_integer(context.args[i]);
    if (!number) return fail(errors::kBadClientId);  // as in Redis, nobody has a number below 1, but it may be asked for
    selection.ids.push_back(static_cast<std::uint64_t>(*number));
  }
  return true;
}

// Lines of clients, collected and then answered.
class ClientLines {
 public:
  ClientLines(Context& context, Selection selection)
      : selection_(std::move(selection)), walk_(context.server.clients), lines_(context.server.cache.budget()) {}

  bool slice(Context& context) {
    if (!is_collected_) {
      is_collected_ = selection_.none || (selection_.all ? collect_all(context) : collect_named(context));
      lines_.charge();
      if (refuse_too_long(context, lines_, "CLIENT LIST ID")) return true;
      if (!is_collected_) return false;
      context.reply.verbatim_header("txt", lines_.bytes());
    }
    if (!lines_.answer_one(context.reply)) return false;
    context.reply.bulk_end();
    return true;
  }

 private:
  void add(const Client& client, const Context& context) {
    protocol::ByteBuffer& lines = lines_.end();
    lines.append(client_line(client, context.now_ms()));
    lines.append("\n");
  }

  bool collect_all(Context& context) {
    return walk_.slice([&](Client& client) { add(client, context); });
  }

  bool collect_named(Context& context) {
    const std::size_t end = std::min(named_ + ClientWalk::kClientsAtOnce, selection_.ids.size());
    for (; named_ < end; ++named_) {
      if (const auto client = context.server.clients.find(selection_.ids[named_])) add(*client, context);
    }
    return named_ == selection_.ids.size();
  }

  Selection selection_;
  ClientWalk walk_;
  std::size_t named_ = 0;  // of the ids
  bool is_collected_ = false;
  ReplyPieces lines_;
};

// Which clients CLIENT KILL disconnects: those that fit everything that is said.
struct Doomed {
  bool none = false;  // of a kind that does not exist here
  bool spares_own = true;
  std::uint64_t id = 0;
  std::string address, local_address, user;
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

// Disconnects clients, and answers how many they were; or, as it was before there were filters, whether there was one.
class Killing {
 public:
  Killing(Context& context, Doomed doomed, bool answers_count)
      : doomed_(std::move(doomed)), answers_count_(answers_count), walk_(context.server.clients) {}

  bool slice(Context& context) {
    if (!look(context)) return false;
    if (answers_count_) {
      context.reply.integer(disconnected_);
    } else {
      disconnected_ > 0 ? context.reply.ok() : context.reply.error(errors::kNoSuchClient);
    }
    return true;
  }

 private:
  // Returns whether all have been looked at.
  bool look(Context& context) {
    if (doomed_.none) return true;
    if (doomed_.id == 0) return walk_.slice([&](Client& client) { judge(client, context); });
    if (const auto client = context.server.clients.find(doomed_.id)) judge(*client, context);
    return true;
  }

  void judge(Client& client, Context& context) {
    if (!doomed_.includes(client, context.now_ms())) return;
    if (&client == &context.client) {
      if (doomed_.spares_own) return;
      // It still gets the answer.
      context.client.close_after_reply = true;
      ++disconnected_;
    } else if (client.disconnect(Client::Reason::killed)) {
      ++disconnected_;
    }
  }

  Doomed doomed_;
  bool answers_count_;
  ClientWalk walk_;
  std::int64_t disconnected_ = 0;
};

}  // namespace

Outcome client_list(Context& context) {
  Selection selection;
  if (!parse_selection(context, selection)) return Outcome::done;
  note_own_command(context.client, context.command, context.now_ms());
  return in_slices(context, std::make_shared<ClientLines>(context, std::move(selection)));
}

// CLIENT KILL address, as it was before there were filters; or pairs of filters and values.
Outcome client_kill(Context& context) {
  Doomed doomed;
  if (context.args.size() == 3) {
    doomed.spares_own = false;
    doomed.address = context.args[2];
    doomed.none = doomed.address.empty();  // which nobody has; for a filter it would mean that there is none
    return in_slices(context, std::make_shared<Killing>(context, std::move(doomed), false));
  }
  for (std::size_t i = 2; i < context.args.size(); i += 2) {
    if (i + 1 == context.args.size()) {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
    if (!parse_filter(context, context.args[i], context.args[i + 1], doomed)) return Outcome::done;
  }
  return in_slices(context, std::make_shared<Killing>(context, std::move(doomed), true));
}

}  // namespace strata::server
