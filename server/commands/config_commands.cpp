#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "engine/api/strata.hpp"
#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/redis_settings.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// The text of the request that asks for a parameter: a pattern that matches its name, or the name itself in any case,
// which is then echoed as it was written. Empty if none does.
std::string_view asked_as(std::span<const std::string_view> asked, std::string_view name) {
  for (const std::string_view text : asked) {
    if (equals_ignoring_case(text, name)) return text;
    const bool is_pattern = text.find_first_of("*?[") != std::string_view::npos;  // as in Redis, a backslash alone makes none
    if (is_pattern && cache::glob_match(text, name, cache::LetterCase::ignored)) return name;
  }
  return {};
}

// Parameters are known by their Redis name and by the path of our key; a pattern is tried on both.
Outcome get(Context& context) {
  const auto settings = context.server.settings.current();
  const auto asked = context.args.subspan(2);
  std::vector<std::pair<std::string_view, std::string>> found;
  const auto add = [&](std::string_view name, auto&& value) {
    if (const std::string_view text = asked_as(asked, name); !text.empty()) found.emplace_back(text, value());
  };
  for (const RedisSetting& setting : redis_settings()) {
    add(setting.name, [&] { return redis_value(setting, context.server, *settings); });
  }
  for (const config::Key& key : config::all_keys()) {
    add(key.path, [&] { return key.shown(*settings); });
  }
  context.reply.map(found.size());
  for (const auto& [name, value] : found) {
    context.reply.bulk(name);
    context.reply.bulk(value);
  }
  return Outcome::done;
}

// The name the client used for the key that a problem is about.
std::string_view name_used(std::span<const config::Change> changes, std::span<const std::string_view> names,
                           std::string_view path) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].first == path) return names[i];
  }
  return path;
}

void report(Context& context, const config::Problem& problem, std::string_view name) {
  std::string reason = problem.wrong;
  if (!problem.allowed.empty()) reason += "; allowed: " + problem.allowed;
  context.reply.error(errors::config_set_failed(name, reason));
}

// All changes take effect, or none does.
Outcome set(Context& context) {
  if (context.args.size() % 2 != 0) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  std::vector<config::Change> changes;
  std::vector<std::string_view> names;
  for (std::size_t i = 2; i < context.args.size(); i += 2) {
    const std::string_view name = context.args[i];
    const RedisSetting* setting = find_redis_setting(name);
    const config::Key* key = setting == nullptr ? config::find_key(lower_case(name)) : nullptr;
    if (setting == nullptr && key == nullptr) {
      context.reply.error(errors::unknown_config(name));
      return Outcome::done;
    }
    if (setting != nullptr) key = config::find_key(setting->path);
    if (key == nullptr || !key->changeable) {
      context.reply.error(errors::config_set_failed(name, errors::kConfigImmutable));
      return Outcome::done;
    }
    const std::string path(key->path);
    if (std::any_of(changes.begin(), changes.end(), [&path](const config::Change& change) { return change.first == path; })) {
      context.reply.error(errors::config_set_failed(name, errors::kConfigDuplicate));
      return Outcome::done;
    }
    changes.emplace_back(path, setting != nullptr ? own_value(*setting, context.args[i + 1]) : std::string(context.args[i + 1]));
    names.push_back(name);
  }
  const auto problems = context.server.settings.change(changes, "CONFIG SET");
  if (problems.empty()) {
    context.reply.ok();
  } else {
    report(context, problems.front(), name_used(changes, names, problems.front().key));
  }
  return Outcome::done;
}

// What is in force, into the file.
Outcome rewrite(Context& context) {
  if (!context.server.settings.has_file()) {
    context.reply.error(errors::kNoConfigFile);
    return Outcome::done;
  }
  const auto problems = context.server.settings.rewrite();
  problems.empty() ? context.reply.ok() : context.reply.error(errors::config_rewrite_failed(problems.front().text()));
  return Outcome::done;
}

Outcome resetstat(Context& context) {
  context.server.statistics.reset();
  context.server.cache.reset_statistics();
  context.reply.ok();
  return Outcome::done;
}

constexpr std::uint32_t kAdministration = kAdmin | kNoScript | kLoading | kStale;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"get", -3, kAdministration, {}, "server", "2.0.0", "Returns the effective values of configuration parameters.",
     "O(N) when N is the number of configuration parameters provided", "parameter [parameter ...]", get},
    {"help", 2, kLoading | kStale, {}, "server", "5.0.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"resetstat", 2, kAdministration, {}, "server", "2.0.0", "Resets the server's statistics.", "O(1)", "", resetstat},
    {"rewrite", 2, kAdministration, {}, "server", "2.8.0", "Writes the settings in force into the configuration file.", "O(1)", "", rewrite},
    {"set", -4, kAdministration, {}, "server", "2.0.0", "Sets configuration parameters in-flight.",
     "O(N) when N is the number of configuration parameters provided", "parameter value [parameter value ...]", set},
};
// clang-format on

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"config", -2, 0, {}, "server", "2.0.0", "A container for server configuration commands.", "Depends on subcommand.", "", nullptr,
     kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> config_commands() { return kCommands; }

}  // namespace strata::server
