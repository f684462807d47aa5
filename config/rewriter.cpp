#include "config/rewriter.h"

#include <utility>

#include "config/file_replacement.h"
#include "config/printable_text.h"
#include "config/printer.h"
#include "config/schema.h"
#include "config/yaml_source.h"

namespace strata::config {
namespace {

Problem problem_of(const std::string& path, std::string wrong) {
  return {.location = printable(path, path.size()), .key = {}, .wrong = std::move(wrong), .allowed = {}};
}

std::vector<const Key*> differing(const Settings& one, const Settings& other) {
  std::vector<const Key*> keys;
  for (const Key& key : all_keys()) {
    if (key.get(one) != key.get(other)) keys.push_back(&key);
  }
  return keys;
}

Settings of_file(const std::string& path, std::vector<Problem>& problems) {
  LoadResult loaded = load({.yaml_path = path, .environment = {}, .overrides = {}});
  problems = std::move(loaded.problems);
  return std::move(loaded.settings);
}

}  // namespace

Rewritten rewrite_file(const Sources& sources, const Settings& in_force) {
  const std::string path = *sources.yaml_path;
  LoadResult loaded = load(sources);
  if (!loaded.ok()) return {{}, std::move(loaded.problems)};
  Rewritten result;
  Settings expected = of_file(path, result.problems);
  if (!result.problems.empty()) return result;

  FileText file = read_file(path);
  if (!file.wrong.empty()) return {{}, {problem_of(path, std::move(file.wrong))}};
  std::string text = std::move(file.text);
  for (const Key* const key : differing(loaded.settings, in_force)) {
    (void)key->set(expected, key->get(in_force));
    std::optional<std::string> changed =
        with_yaml_value(std::move(text), key->section(), key->name(), yaml_value(*key, key->get(in_force)));
    if (!changed) return {{}, {problem_of(path, "has changed meanwhile, and is not YAML")}};
    text = std::move(*changed);
    result.paths.emplace_back(key->path);
  }
  if (result.paths.empty()) return result;

  FileReplacement replacement(path);
  if (std::string wrong = replacement.write(text); !wrong.empty()) return {{}, {problem_of(path, "cannot be written: " + wrong)}};
  std::vector<Problem> unreadable;
  const Settings read_back = of_file(replacement.path(), unreadable);
  if (!unreadable.empty() || !differing(read_back, expected).empty())
    return {{},
            {problem_of(
                path, "is written in a way that single values can not be changed in: one line a key, sections by indentation")}};
  if (std::string wrong = replacement.put_in_place(); !wrong.empty())
    return {{}, {problem_of(path, "cannot be replaced: " + wrong)}};
  const LoadResult after = load(sources);
  for (const Key* const key : differing(after.settings, in_force)) {
    const auto origin = after.origins.find(key->path);
    result.problems.push_back({.location = origin == after.origins.end() ? "" : origin->second,
                               .key = std::string(key->path),
                               .wrong = "wins over the file, in which it is what it is now",
                               .allowed = {}});
  }
  return result;
}

}  // namespace strata::config
