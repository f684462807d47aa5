#pragma once

#include <optional>

#include "loadtest/options.h"

namespace strata::loadtest {

// The options of the command line. nullopt if the program is to end with `exit_code`: help and version were printed, or a line
// that says which option is wrong and what is allowed.
std::optional<Options> read_command_line(int argc, char** argv, int& exit_code);

}  // namespace strata::loadtest
