#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/strata.hpp"
#include "protocol/errors.h"
#include "server/access/acl_category.h"
#include "server/access/key_use.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/request_keys.h"
#include "server/commands/syntax.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;
using Names = std::vector<std::string_view>;

Names flag_names(const CommandSpec& spec) {
  static constexpr std::array<std::pair<std::uint32_t, std::string_view>, 10> kNames = {{{kWrite, "write"},
                                                                                         {kReadonly, "readonly"},
                                                                                         {kDenyOom, "denyoom"},
                                                                                         {kAdmin, "admin"},
                                                                                         {kNoScript, "noscript"},
                                                                                         {kLoading, "loading"},
                                                                                         {kStale, "stale"},
                                                                                         {kFast, "fast"},
                                                                                         {kNoAuth, "no_auth"},
                                                                                         {kAllowBusy, "allow_busy"}}};
  Names names;
  for (const auto& [bit, name] : kNames) {
    if ((spec.flags & bit) != 0) names.push_back(name);
  }
  if (spec.keys.counted_at != 0) names.push_back("movablekeys");
  return names;
}

Names acl_category_names(const CommandSpec& spec) {
  Names names;
  const std::uint32_t categories = acl_categories_of(spec);
  for (std::size_t i = 0; i < kAclCategories.size(); ++i) {
    if ((categories >> i & 1U) != 0) names.push_back(kAclCategories[i].with_at);
  }
  return names;
}

Names key_access_flags(KeyAccess access) {
  switch (access) {
    case KeyAccess::none: return {};
    case KeyAccess::read: return {"RO", "access"};
    case KeyAccess::read_only_meta: return {"RO"};
    case KeyAccess::write: return {"OW", "update"};
    case KeyAccess::insert: return {"OW", "insert"};
    case KeyAccess::append: return {"RW", "insert"};
    case KeyAccess::update: return {"RW", "update"};
    case KeyAccess::read_write: return {"RW", "access", "update"};
    case KeyAccess::may_read_write: return {"RW", "access", "update", "variable_flags"};
    case KeyAccess::read_remove: return {"RW", "access", "delete"};
    case KeyAccess::may_remove: return {"RW", "delete", "variable_flags"};
    case KeyAccess::remove: return {"RM", "delete"};
  }
  return {};
}

void simple_set(Reply& reply, const Names& names) {
  reply.set(names.size());
  for (const std::string_view name : names) reply.simple(name);
}

void key_spec(Reply& reply, const KeySpec& keys) {
  const bool counted = keys.counted_at != 0;
  reply.map(3);
  reply.bulk("flags");
  simple_set(reply, key_access_flags(keys.access));
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  reply.bulk("index");
  reply.bulk("spec");
  reply.map(1);
  reply.bulk("index");
  reply.integer(counted ? keys.counted_at : keys.first);
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  reply.bulk(counted ? "keynum" : "range");
  reply.bulk("spec");
  reply.map(3);
  reply.bulk(counted ? "keynumidx" : "lastkey");
  reply.integer(counted ? 0 : keys.last < 0 ? keys.last : keys.last - keys.first);
  reply.bulk(counted ? "firstkey" : "keystep");
  reply.integer(counted ? keys.first - keys.counted_at : keys.step);
  reply.bulk(counted ? "keystep" : "limit");
  reply.integer(counted ? keys.step : 0);
}

void key_specs(Reply& reply, const CommandSpec& spec) {
  if (spec.keys.first == 0) return reply.set(0);
  if (spec.key_kinds.empty()) {
    reply.set(1);
    return key_spec(reply, spec.keys);
  }
  reply.set(spec.key_kinds.size());
  for (const KeySpec& kind : spec.key_kinds) key_spec(reply, kind);
}

void describe(Reply& reply, const Command& command) {
  const CommandSpec& spec = *command.spec;
  reply.array(10);
  reply.bulk(command.full_name);
  reply.integer(spec.arity);
  simple_set(reply, flag_names(spec));
  const KeySpec range = spec.keys.counted_at == 0 ? spec.keys : KeySpec{};
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  simple_set(reply, acl_category_names(spec));
  reply.set(0);  // tips are for cluster proxies
  key_specs(reply, spec);
  reply.set(command.subcommands.size());
  for (const Command* sub : command.subcommands) describe(reply, *sub);
}

void text_field(Reply& reply, std::string_view name, std::string_view text) {
  reply.bulk(name);
  reply.bulk(text);
}

// Of a choice or a group: the names of its parts.
std::string name_of(const Argument& argument) {
  if (argument.kind == Argument::Kind::value) return lower_case(argument.name);
  std::string name;
  for (const Argument& part : argument.parts) name += (name.empty() ? "" : "-") + name_of(part);
  return name;
}

// The kinds of keys that a command has, and the next one that an argument may be of.
struct KeyKinds {
  std::size_t count = 1;
  std::size_t next = 0;
};

void document_arguments(Reply& reply, const std::vector<Argument>& arguments, KeyKinds& kinds);

void document_argument(Reply& reply, const Argument& argument, KeyKinds& kinds) {
  const bool plain = argument.kind == Argument::Kind::value;
  const bool key = plain && argument_type(argument.name) == "key";
  const bool token = !argument.token.empty();
  const bool flags = argument.optional || argument.multiple;
  reply.map(2U + (key ? 1U : 0U) + (token ? 1U : 0U) + (flags ? 1U : 0U) + (plain ? 0U : 1U));
  text_field(reply, "name", name_of(argument));
  text_field(reply, "type",
             argument.kind == Argument::Kind::one_of  ? "oneof"
             : argument.kind == Argument::Kind::block ? "block"
             : argument.pure_token                    ? "pure-token"
                                                      : argument_type(argument.name));
  if (key) {
    reply.bulk("key_spec_index");
    reply.integer(static_cast<std::int64_t>(std::min(kinds.next++, kinds.count - 1)));
  }
  if (token) text_field(reply, "token", argument.token);
  if (flags) {
    reply.bulk("flags");
    Names names;
    if (argument.optional) names.push_back("optional");
    if (argument.multiple) names.push_back("multiple");
    simple_set(reply, names);
  }
  if (!plain) {
    reply.bulk("arguments");
    document_arguments(reply, argument.parts, kinds);
  }
}

void document_arguments(Reply& reply, const std::vector<Argument>& arguments, KeyKinds& kinds) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) document_argument(reply, argument, kinds);
}

void document(Reply& reply, const Command& command) {
  const CommandSpec& spec = *command.spec;
  const auto arguments = parse_syntax(spec.syntax);
  reply.bulk(command.full_name);
  reply.map(4U + (arguments.empty() ? 0U : 1U) + (command.subcommands.empty() ? 0U : 1U));
  text_field(reply, "summary", spec.summary);
  text_field(reply, "since", spec.since);
  text_field(reply, "group", spec.group);
  text_field(reply, "complexity", spec.complexity);
  if (!arguments.empty()) {
    reply.bulk("arguments");
    KeyKinds kinds{.count = std::max<std::size_t>(spec.key_kinds.size(), 1)};
    document_arguments(reply, arguments, kinds);
  }
  if (!command.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(command.subcommands.size());
    for (const Command* sub : command.subcommands) document(reply, *sub);
  }
}

Outcome command(Context& context) {
  const auto& all = context.server.commands.commands();
  context.reply.array(all.size());
  for (const Command* one : all) describe(context.reply, *one);
  return Outcome::done;
}

Outcome count(Context& context) {
  context.reply.integer(static_cast<std::int64_t>(context.server.commands.commands().size()));
  return Outcome::done;
}

Outcome info(Context& context) {
  if (context.args.size() == 2) return command(context);
  context.reply.array(context.args.size() - 2);
  for (const std::string_view name : context.args.subspan(2)) {
    const Command* found = context.server.commands.find_full(name);
    found != nullptr ? describe(context.reply, *found) : context.reply.null();
  }
  return Outcome::done;
}

Outcome docs(Context& context) {
  std::vector<const Command*> chosen;
  if (context.args.size() == 2) chosen = context.server.commands.commands();
  for (const std::string_view name : context.args.subspan(2)) {
    if (const Command* found = context.server.commands.find_full(name)) chosen.push_back(found);
  }
  context.reply.map(chosen.size());
  for (const Command* one : chosen) document(context.reply, *one);
  return Outcome::done;
}

// Whether a filter of COMMAND LIST lets a command through.
bool passes(const Command& command, std::string_view filter, std::string_view argument) {
  if (equals_ignoring_case(filter, "pattern")) return cache::glob_match(argument, command.full_name, cache::LetterCase::ignored);
  if (equals_ignoring_case(filter, "aclcat")) {
    return (acl_categories_of(*command.spec) & find_acl_category(argument)) != 0;
  }
  return false;  // MODULE: there are none
}

Outcome list(Context& context) {
  const auto& args = context.args;
  const bool filtered = args.size() == 5 && equals_ignoring_case(args[2], "filterby");
  const bool known = filtered && (equals_ignoring_case(args[3], "pattern") || equals_ignoring_case(args[3], "aclcat") ||
                                  equals_ignoring_case(args[3], "module"));
  if (args.size() != 2 && !known) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  Names names;
  for (const Command& one : context.server.commands.all()) {
    if (!filtered || passes(one, args[3], args[4])) names.emplace_back(one.full_name);
  }
  context.reply.array(names.size());
  for (const std::string_view name : names) context.reply.bulk(name);
  return Outcome::done;
}

// The command that COMMAND GETKEYS is asked about, if it has keys in this request; a null pointer: the error has been answered.
const Command* with_keys(Context& context, std::span<const std::string_view> request) {
  const auto fail = [&context](std::string_view text) {
    context.reply.error(text);
    return nullptr;
  };
  const Command* command = context.server.commands.find(request[0]);
  if (command != nullptr && !command->subcommands.empty() && request.size() > 1) {
    command = CommandTable::find_subcommand(*command, request[1]);
  }
  if (command == nullptr) return fail(errors::kInvalidCommand);
  const int arity = command->spec->arity;
  const auto words = static_cast<int>(request.size());
  if (command->spec->keys.first == 0) return fail(errors::kCommandWithoutKeys);
  if (arity >= 0 ? words != arity : words < -arity) return fail(errors::kCommandArity);
  return range_of_keys(command->spec->keys, request) ? command : fail(errors::kCommandArity);
}

Outcome getkeys(Context& context) {
  const auto request = context.args.subspan(2);
  const Command* const command = with_keys(context, request);
  if (command == nullptr) return Outcome::done;
  const KeyRange range = range_of_keys(command->spec->keys, request).value();
  Names found;
  for (std::size_t i = range.first; i <= range.last; i += range.step) found.push_back(request[i]);
  context.reply.array(found.size());
  for (const std::string_view key : found) context.reply.bulk(key);
  return Outcome::done;
}

// What options decide is decided in a request.
KeyAccess access_in(const Command& command, KeyAccess access, std::span<const std::string_view> request) {
  const KeyUse use = key_use(command, access, request);
  if (access == KeyAccess::may_remove) return use.reads ? KeyAccess::read_remove : KeyAccess::remove;
  if (access != KeyAccess::may_read_write) return access;
  return !use.writes ? KeyAccess::read : use.reads ? KeyAccess::read_write : KeyAccess::write;
}

Outcome getkeysandflags(Context& context) {
  const auto request = context.args.subspan(2);
  const Command* const command = with_keys(context, request);
  if (command == nullptr) return Outcome::done;
  std::vector<std::pair<std::string_view, KeyAccess>> found;
  const CommandSpec& spec = *command->spec;
  for (const KeySpec& kind : spec.key_kinds.empty() ? std::span(&spec.keys, 1) : spec.key_kinds) {
    const KeyRange range = range_of_keys(kind, request).value_or(KeyRange{});
    for (std::size_t i = range.first; i <= range.last; i += range.step) found.emplace_back(request[i], access_in(*command, kind.access, request));
  }
  context.reply.array(found.size());
  for (const auto& [key, access] : found) {
    context.reply.array(2);
    context.reply.bulk(key);
    simple_set(context.reply, key_access_flags(access));
  }
  return Outcome::done;
}

constexpr std::uint32_t kIntrospection = kLoading | kStale | kAboutConnections;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"count", 2, kIntrospection, {}, "server", "2.8.13", "Returns a count of commands.", "O(1)", "", count},
    {"docs", -2, kIntrospection, {}, "server", "7.0.0", "Returns documentary information about one, multiple or all commands.",
     "O(N) where N is the number of commands to look up", "[command-name [command-name ...]]", docs},
    {"getkeys", -4, kIntrospection, {}, "server", "2.8.13", "Extracts the key names from an arbitrary command.",
     "O(N) where N is the number of arguments to the command", "command [arg [arg ...]]", getkeys},
    {"getkeysandflags", -4, kIntrospection, {}, "server", "7.0.0", "Extracts the key names and access flags for an arbitrary command.",
     "O(N) where N is the number of arguments to the command", "command [arg [arg ...]]", getkeysandflags},
    {"help", 2, kIntrospection, {}, "server", "5.0.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"info", -2, kIntrospection, {}, "server", "2.8.13", "Returns information about one, multiple or all commands.",
     "O(N) where N is the number of commands to look up", "[command-name [command-name ...]]", info},
    {"list", -2, kIntrospection, {}, "server", "7.0.0", "Returns a list of command names.",
     "O(N) where N is the total number of commands", "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]", list},
};
// clang-format on

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"command", -1, kIntrospection, {}, "server", "2.8.13", "Returns detailed information about all commands.",
     "O(N) where N is the total number of commands", "", command, kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> command_commands() { return kCommands; }

}  // namespace strata::server
