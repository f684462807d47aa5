#pragma once

#include <string>
#include <vector>

#include "config/loader.h"
#include "config/problem.h"
#include "config/settings.h"

namespace strata::config {

// Brings the configuration file to what is in force, so that a restart finds it so: values that differ are changed where they stand, or added, and all
// else stays as it was written. The file is replaced at once or not at all, and keeps its permissions.
struct Rewritten {
  std::vector<std::string> paths;  // of the keys that were written
  // Nothing was written; but for those whose value in the environment or on the command line wins over the file's: all else was.
  std::vector<Problem> problems;
};
// REQUIRES: sources.yaml_path. Blocks while it reads and writes.
[[nodiscard]] Rewritten rewrite_file(const Sources& sources, const Settings& in_force);

}  // namespace strata::config
