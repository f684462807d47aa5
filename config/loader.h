#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"
#include "config/settings.h"

// Puts the settings together at start and at every reload. A later source wins over an earlier one:
// default < file < environment < command line. A wrong value is a problem even where a later source would have hidden it.
namespace strata::config {

// A key given on the command line.
struct Override {
  std::string label;  // the option as the user wrote it: "--port", "--set"
  std::string path;
  std::string value;
};

struct Sources {
  std::optional<std::string> yaml_path;
  // The whole environment. Variables that do not begin with STRATA_ are skipped, and so are STRATA_CONFIG (the path of the
  // file, read by the program) and STRATA_DATA (the directory of the tests); any other STRATA_ variable has to be a key.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<Override> overrides;
};

// Where the value of a key comes from: "strata.yaml:3:9", "environment STRATA_SERVER_PORT", "command line --port". A key
// that is not in here has its default. The names are those of the table in schema.h and live as long as the program.
using Origins = std::map<std::string_view, std::string>;

struct LoadResult {
  Settings settings;  // of use only if there are no problems
  Origins origins;
  std::vector<Problem> problems;  // all of them (at most the first 100), in the order of the sources

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

// Reads the file named in `sources` and nothing else; safe from any thread.
LoadResult load(const Sources& sources);

}  // namespace strata::config
