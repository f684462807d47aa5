// ACL: users and what they may do. The rules themselves are in server/access.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/access/acl_category.h"
#include "server/commands/client_walk.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/in_slices.h"
#include "server/commands/words.h"
#include "server/password.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

Outcome refuse(Context& context, std::string_view error) {
  context.reply.error(error);
  return Outcome::done;
}

Outcome bad_words(Context& context) { return refuse(context, errors::subcommand_syntax("acl", context.args[1])); }

// Those who act as a user that is no more are disconnected, and then it is answered. The own client still gets its answer.
class Parting {
 public:
  // `answers_count`: of the users.
  Parting(Context& context, std::vector<std::string> users, bool answers_count)
      : users_(std::move(users)), answers_count_(answers_count), walk_(context.server.clients) {}

  bool slice(Context& context) {
    if (!users_.empty() && !walk_.slice([&](Client& client) { judge(client, context); })) return false;
    answers_count_ ? context.reply.integer(static_cast<std::int64_t>(users_.size())) : context.reply.ok();
    return true;
  }

 private:
  void judge(Client& client, Context& context) {
    if (std::find(users_.begin(), users_.end(), client.user_name()) == users_.end()) return;
    if (&client == &context.client) {
      context.client.close_after_reply = true;
    } else {
      client.disconnect(Client::Reason::user_gone);
    }
  }

  std::vector<std::string> users_;
  bool answers_count_;
  ClientWalk walk_;
};

Outcome setuser(Context& context) {
  const std::string wrong = context.server.acl.set_user(context.args[2], context.args.subspan(3));
  wrong.empty() ? context.reply.ok() : context.reply.error(wrong);
  return Outcome::done;
}

Outcome deluser(Context& context) {
  const auto names = context.args.subspan(2);
  if (std::find(names.begin(), names.end(), kDefaultUser) != names.end()) return refuse(context, errors::kAclDefaultUser);
  return in_slices(context, std::make_shared<Parting>(context, context.server.acl.remove(names), true));
}

void field(Reply& reply, std::string_view name, std::string_view text) {
  reply.bulk(name);
  reply.bulk(text);
}

// Three fields of a map.
void describe(Reply& reply, const AclSelector& selector) {
  field(reply, "commands", selector.commands_text());
  field(reply, "keys", selector.keys_text());
  field(reply, "channels", selector.channels_text());
}

Outcome getuser(Context& context) {
  Reply& reply = context.reply;
  const auto user = context.server.acl.find(context.args[2]);
  if (user == nullptr) {
    reply.null();
    return Outcome::done;
  }
  reply.map(6);
  reply.bulk("flags");
  const auto flags = user->flags();
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("passwords");
  reply.array(user->password_hashes().size());
  for (const std::string& hash : user->password_hashes()) reply.bulk(hash);
  describe(reply, user->selectors()[0]);
  reply.bulk("selectors");
  reply.array(user->selectors().size() - 1);
  for (const AclSelector& selector : std::span(user->selectors()).subspan(1)) {
    reply.map(3);
    describe(reply, selector);
  }
  return Outcome::done;
}

Outcome list(Context& context) {
  const auto users = context.server.acl.users();
  context.reply.array(users->size());
  for (const auto& [name, user] : *users) context.reply.bulk(acl_line(*user));
  return Outcome::done;
}

Outcome users(Context& context) {
  const auto all = context.server.acl.users();
  context.reply.array(all->size());
  for (const auto& [name, user] : *all) context.reply.bulk(name);
  return Outcome::done;
}

Outcome whoami(Context& context) {
  context.reply.bulk(context.client.user_name());
  return Outcome::done;
}

Outcome cat(Context& context) {
  if (context.args.size() > 3) return bad_words(context);
  if (context.args.size() == 2) {
    context.reply.array(kAclCategories.size());
    for (const AclCategory& category : kAclCategories) context.reply.bulk(category.name());
    return Outcome::done;
  }
  const std::uint32_t category = find_acl_category(context.args[2]);
  if (category == 0) return refuse(context, errors::acl_unknown_category(context.args[2]));
  std::vector<std::string_view> names;
  for (const Command& command : context.server.commands.all()) {
    if ((acl_categories_of(*command.spec) & category) != 0) names.emplace_back(command.full_name);
  }
  context.reply.array(names.size());
  for (const std::string_view name : names) context.reply.bulk(name);
  return Outcome::done;
}

void describe(Reply& reply, const AclLog::Entry& entry, std::int64_t now_ms) {
  const auto number = [&reply](std::string_view name, auto value) {
    reply.bulk(name);
    reply.integer(static_cast<std::int64_t>(value));
  };
  reply.map(10);
  number("count", entry.count);
  field(reply, "reason", AclLog::kReasonNames[static_cast<std::size_t>(entry.reason)]);
  field(reply, "context", "toplevel");
  field(reply, "object", entry.object);
  field(reply, "username", entry.user);
  reply.bulk("age-seconds");
  reply.real(static_cast<double>(now_ms - entry.updated_ms) / 1000);
  field(reply, "client-info", entry.client);
  number("entry-id", entry.id);
  number("timestamp-created", entry.created_ms);
  number("timestamp-last-updated", entry.updated_ms);
}

Outcome log(Context& context) {
  constexpr std::size_t kUsualCount = 10;
  AclLog& refusals = context.server.acl.log();
  if (context.args.size() > 3) return bad_words(context);
  std::size_t count = kUsualCount;
  if (context.args.size() == 3) {
    if (equals_ignoring_case(context.args[2], "reset")) {
      refusals.reset();
      context.reply.ok();
      return Outcome::done;
    }
    const auto number = parse_integer(context.args[2]);
    if (!number) return refuse(context, errors::kNotInteger);
    count = static_cast<std::size_t>(std::max<std::int64_t>(*number, 0));
  }
  const std::vector<AclLog::Entry> entries = refusals.last(count);
  context.reply.array(entries.size());
  for (const AclLog::Entry& entry : entries) describe(context.reply, entry, context.now_ms());
  return Outcome::done;
}

// What the words ask for; null: there is no such command.
const Command* command_of(const CommandTable& commands, std::span<const std::string_view> request) {
  const Command* const command = commands.find(request[0]);
  if (command == nullptr || command->subcommands.empty() || request.size() == 1) return command;
  return CommandTable::find_subcommand(*command, request[1]);
}

Outcome dryrun(Context& context) {
  const auto user = context.server.acl.find(context.args[2]);
  if (user == nullptr) return refuse(context, errors::acl_no_such_user(context.args[2]));
  const auto request = context.args.subspan(3);
  const Command* const command = command_of(context.server.commands, request);
  if (command == nullptr) return refuse(context, errors::acl_no_such_command(request[0]));
  const int arity = command->spec->arity;
  const auto words = static_cast<int>(request.size());
  if (arity >= 0 ? words != arity : words < -arity) return refuse(context, errors::wrong_arity(command->full_name));
  const AclVerdict verdict = user->check(*command, request);
  switch (verdict.against) {
    case AclVerdict::Against::nothing: context.reply.ok(); break;
    case AclVerdict::Against::command: context.reply.bulk(errors::dry_run_command(command->full_name)); break;
    case AclVerdict::Against::key: context.reply.bulk(errors::dry_run_key(request[verdict.word])); break;
  }
  return Outcome::done;
}

Outcome genpass(Context& context) {
  constexpr std::int64_t kUsualBits = 256;
  constexpr std::int64_t kMostBits = 4096;
  if (context.args.size() > 3) return bad_words(context);
  std::int64_t bits = kUsualBits;
  if (context.args.size() == 3) {
    const auto number = parse_integer(context.args[2]);
    if (!number) return refuse(context, errors::kNotInteger);
    if (*number <= 0 || *number > kMostBits) return refuse(context, errors::kAclPasswordBits);
    bits = *number;
  }
  const std::string password = random_hexadecimal(static_cast<std::size_t>(bits + 3) / 4);
  if (password.empty()) return refuse(context, errors::kAclNoRandomness);
  context.reply.bulk(password);
  return Outcome::done;
}

Outcome load(Context& context) {
  AclRegistry& acl = context.server.acl;
  if (!acl.has_file()) return refuse(context, errors::kAclNoFile);
  AclRegistry::Loaded loaded = acl.load();
  if (!loaded.wrong.empty()) return refuse(context, "ERR " + loaded.wrong);
  return in_slices(context, std::make_shared<Parting>(context, std::move(loaded.gone), false));
}

Outcome save(Context& context) {
  AclRegistry& acl = context.server.acl;
  if (!acl.has_file()) return refuse(context, errors::kAclNoFile);
  if (const std::string wrong = acl.save(); !wrong.empty()) {
    spdlog::warn("ACL SAVE: security.acl_file cannot be written: {}", wrong);
    return refuse(context, errors::kAclNotSaved);
  }
  context.reply.ok();
  return Outcome::done;
}

constexpr std::uint32_t kAnybody = kNoScript | kLoading | kStale;
constexpr std::uint32_t kManages = kAnybody | kAdmin;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"cat", -2, kAnybody, {}, "server", "6.0.0", "Lists the ACL categories, or the commands of one.",
     "O(N) where N is the number of categories or commands", "[category]", cat},
    {"deluser", -3, kManages, {}, "server", "6.0.0", "Deletes ACL users, and disconnects who acts as one of them.",
     "O(N) where N is the number of users and of clients", "username [username ...]", deluser},
    {"dryrun", -4, kManages, {}, "server", "7.0.0", "Tells whether a user may run a command, without running it.", "O(1)",
     "username command [arg [arg ...]]", dryrun},
    {"genpass", -2, kAnybody, {}, "server", "6.0.0", "Makes a password by chance that nobody guesses.", "O(1)", "[bits]", genpass},
    {"getuser", 3, kManages, {}, "server", "6.0.0", "Lists the ACL rules of a user.",
     "O(N) where N is the number of rules of the user", "username", getuser},
    {"help", 2, kLoading | kStale, {}, "server", "6.0.0", "Returns helpful text about the different subcommands.", "O(1)", "", subcommand_help},
    {"list", 2, kManages, {}, "server", "6.0.0", "Lists the users with their rules, as the ACL file has them.",
     "O(N) where N is the number of users", "", list},
    {"load", 2, kManages, {}, "server", "6.0.0", "Puts the users of the ACL file in place of all others, or changes nothing.",
     "O(N) where N is the number of users", "", load},
    {"log", -2, kManages, {}, "server", "6.0.0", "Lists what was refused to whom last, or forgets it.",
     "O(N) where N is the number of entries", "[count|RESET]", log},
    {"save", 2, kManages, {}, "server", "6.0.0", "Writes the users into the ACL file.", "O(N) where N is the number of users", "", save},
    {"setuser", -3, kManages, {}, "server", "6.0.0", "Makes a user, or changes one, by rules.",
     "O(N) where N is the number of rules", "username [rule [rule ...]]", setuser},
    {"users", 2, kManages, {}, "server", "6.0.0", "Lists the names of the users.", "O(N) where N is the number of users", "", users},
    {"whoami", 2, kAnybody, {}, "server", "6.0.0", "Returns the name of the user that the connection acts as.", "O(1)", "", whoami},
};
constexpr CommandSpec kCommands[] = {
    {"acl", -2, 0, {}, "server", "6.0.0", "A container for commands about users and what they may do.", "Depends on subcommand.", "",
     nullptr, kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> acl_commands() { return kCommands; }

}  // namespace strata::server
