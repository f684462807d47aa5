#pragma once

#include <string>

#include "config/loader.h"

namespace strata::server {

// What the program was called to do.
struct CommandLine {
  enum class Task { serve, print_config, check_config, exit };
  Task task = Task::serve;
  int exit_code = 0;  // of Task::exit: help, version, or a mistake (which has been reported)
  config::Sources sources;
};

// Reads options and environment; prints help, version and mistakes itself.
CommandLine read_command_line(int argc, char** argv, char** environment);

}  // namespace strata::server
