#include <csignal>
#include <cstdio>
#include <exception>

#include "config/loader.h"
#include "config/printer.h"
#include "server/app.h"
#include "server/command_line.h"

extern char** environ;

namespace {

using strata::server::CommandLine;

int serve(strata::config::LoadResult loaded, const CommandLine& command_line, const char* executable) {
  strata::server::App app(std::move(loaded), command_line.sources, executable);
  if (const std::string problem = app.start(); !problem.empty()) {
    std::fprintf(stderr, "strata-server: %s\n", problem.c_str());
    return 1;
  }
  app.run();
  return 0;
}

int main_or_throw(int argc, char** argv) {
  const CommandLine command_line = strata::server::read_command_line(argc, argv, environ);
  if (command_line.task == CommandLine::Task::exit) return command_line.exit_code;
  strata::config::LoadResult loaded = strata::config::load(command_line.sources);
  for (const auto& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
  if (!loaded.ok()) return 2;
  switch (command_line.task) {
    case CommandLine::Task::print_config:
      std::fputs(strata::config::print_config(loaded.settings, loaded.origins).c_str(), stdout);
      return 0;
    case CommandLine::Task::check_config: std::puts("the configuration is in order"); return 0;
    default: return serve(std::move(loaded), command_line, argv[0]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a vanished client is an error of its own write, not the end of the process
  try {
    return main_or_throw(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "strata-server: %s\n", failure.what());
    return 1;
  }
}
