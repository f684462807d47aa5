#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/problem.h"
#include "config/settings.h"

// Changes at run time, all or nothing: CONFIG SET, PATCH /v1/config and a reload go through apply_changes.
// Pure functions, safe from any thread.
namespace strata::config {

using Change = std::pair<std::string, std::string>;  // path, value

struct ChangeResult {
  Settings settings;              // `base` with all changes, or `base` itself if there are problems
  std::vector<Problem> problems;  // one for each change that is refused; `location` is empty

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

// Refuses unknown keys, invalid values, keys given twice, keys that need a restart, and what cross_check refuses.
ChangeResult apply_changes(const Settings& base, std::span<const Change> changes);

// What a reload found: apply the first, name the second to the user. Secrets come unmasked: do not print the values.
struct Differences {
  std::vector<Change> changeable;  // with the values of the new settings, ready for apply_changes
  std::vector<std::string> fixed;  // paths that need a restart
};

Differences diff(const Settings& old_settings, const Settings& new_settings);

}  // namespace strata::config
