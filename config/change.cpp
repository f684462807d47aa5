#include "config/change.h"

#include <set>
#include <string_view>

#include "config/cross_check.h"
#include "config/printable_text.h"
#include "config/schema.h"

namespace strata::config {
namespace {

// The problem of one change; an empty `wrong` if it was made.
Problem apply_one(Settings& settings, const Change& change, std::set<std::string_view>& seen) {
  const auto& [path, value] = change;
  const Key* key = find_key(path);
  if (key == nullptr) return {{}, printable(path), unknown_key(path), {}};
  if (!seen.insert(key->path).second) return {{}, path, "given twice in one request", "once"};
  if (!key->changeable) return {{}, path, "cannot change at run time, it needs a restart", {}};
  return {{}, path, key->set(settings, value), key->allowed};
}

}  // namespace

ChangeResult apply_changes(const Settings& base, std::span<const Change> changes) {
  // More changes than keys can only be nonsense; a stranger's million of them is not worth looking at.
  if (changes.size() > all_keys().size()) {
    return {base, {{{}, {}, "too many changes in one request", "at most " + std::to_string(all_keys().size())}}};
  }
  ChangeResult result{base, {}};
  std::set<std::string_view> seen;
  for (const Change& change : changes) {
    Problem problem = apply_one(result.settings, change, seen);
    if (!problem.wrong.empty()) result.problems.push_back(std::move(problem));
  }
  if (result.ok()) result.problems = cross_check(result.settings);
  if (!result.ok()) result.settings = base;
  return result;
}

Differences diff(const Settings& old_settings, const Settings& new_settings) {
  Differences differences;
  for (const Key& key : all_keys()) {
    std::string value = key.get(new_settings);
    if (value == key.get(old_settings)) continue;
    if (key.changeable)
      differences.changeable.emplace_back(key.path, std::move(value));
    else
      differences.fixed.emplace_back(key.path);
  }
  return differences;
}

}  // namespace strata::config
