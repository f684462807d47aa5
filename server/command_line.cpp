#include "server/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "server/version.h"

namespace strata::server {

namespace {

// Options that are short for a configuration key.
struct Shortcut {
  const char* option;
  const char* path;
  const char* help;
};

// clang-format off
constexpr std::array kShortcuts = {
    Shortcut{"--bind", "server.bind", "Addresses to listen on (server.bind)"},
    Shortcut{"--port", "server.port", "TCP port, 0 for none (server.port)"},
    Shortcut{"--admin-port", "admin.port", "Port of the admin API and /metrics, 0 for none (admin.port)"},
    Shortcut{"--threads", "server.threads", "Threads that serve clients, 0 for one per core (server.threads)"},
    Shortcut{"--max-memory", "memory.max_memory", "Memory limit: 512mb, 80% (memory.max_memory)"},
    Shortcut{"--policy", "memory.policy", "What is evicted at the limit (memory.policy)"},
    Shortcut{"--data-dir", "server.data_dir", "Directory that relative paths start from (server.data_dir)"},
};
// clang-format on

std::vector<std::pair<std::string, std::string>> variables(char** environment) {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

// Takes over "--set key=value"; false if there is no "=".
bool add_assignments(const std::vector<std::string>& assignments, config::Sources& sources) {
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "strata-server: --set %s: the value is missing; allowed: --set key=value\n", assignment.c_str());
      return false;
    }
    sources.overrides.push_back({"--set", assignment.substr(0, equals), assignment.substr(equals + 1)});
  }
  return true;
}

}  // namespace

CommandLine read_command_line(int argc, char** argv, char** environment) {
  CommandLine result;
  result.sources.environment = variables(environment);

  CLI::App app{"Strata: a key/value cache server that speaks the Redis protocol", "strata-server"};
  app.set_version_flag("--version", "strata-server " + std::string(kVersion), "Print the version and exit");
  std::string file;
  std::array<std::string, kShortcuts.size()> values;
  std::vector<std::string> assignments;
  bool print = false;
  bool check = false;
  app.add_option("--config", file, "Configuration file, YAML (or STRATA_CONFIG in the environment)")->envname("STRATA_CONFIG");
  for (std::size_t i = 0; i < kShortcuts.size(); ++i) app.add_option(kShortcuts[i].option, values[i], kShortcuts[i].help);
  app.add_option("--set", assignments, "Set any configuration key: --set key.path=value; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--print-config", print, "Print every key with its value and where it comes from, and exit");
  app.add_flag("--check-config", check, "Check the configuration and exit");
  app.footer(
      "Every key a.b is also the environment variable STRATA_A_B.\nPrecedence: default < file < environment < command line.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    result.task = CommandLine::Task::exit;
    result.exit_code = app.exit(stop);
    return result;
  }
  if (!file.empty()) result.sources.yaml_path = file;
  for (std::size_t i = 0; i < kShortcuts.size(); ++i) {
    if (app.count(kShortcuts[i].option) > 0)
      result.sources.overrides.push_back({kShortcuts[i].option, kShortcuts[i].path, values[i]});
  }
  if (!add_assignments(assignments, result.sources)) {
    result.task = CommandLine::Task::exit;
    result.exit_code = 2;
  } else if (print) {
    result.task = CommandLine::Task::print_config;
  } else if (check) {
    result.task = CommandLine::Task::check_config;
  }
  return result;
}

}  // namespace strata::server
