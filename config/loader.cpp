#include "config/loader.h"

#include <algorithm>
#include <iterator>

#include "config/cross_check.h"
#include "config/printable_text.h"
#include "config/schema.h"
#include "config/yaml_source.h"

namespace strata::config {
namespace {

constexpr std::string_view kVariablePrefix = "STRATA_";
constexpr std::size_t kMaximumProblems = 100;  // nobody reads more, and a large file that is no configuration has very many

class Loading {
 public:
  void add_file(const std::string& path) {
    YamlContent content = read_yaml(path);
    std::move(content.problems.begin(), content.problems.end(), std::back_inserter(result_.problems));
    given_.clear();
    for (const YamlEntry& entry : content.entries) {
      if (result_.problems.size() > kMaximumProblems) break;
      add_entry(entry);
    }
  }

  void add_environment(const std::vector<std::pair<std::string, std::string>>& environment) {
    given_.clear();
    for (const auto& [name, value] : environment) {
      if (!name.starts_with(kVariablePrefix) || name == "STRATA_CONFIG" || name == "STRATA_DATA") continue;
      const std::string location = "environment " + printable(name);
      const Key* key = find_variable(name);
      if (key == nullptr) {
        result_.problems.push_back({location, {}, unknown_variable(name), {}});
      } else if (first_time(std::string(key->path), location)) {
        assign(*key, location, value);
      }
    }
  }

  void add_overrides(const std::vector<Override>& overrides) {
    given_.clear();
    for (const Override& given : overrides) {
      const std::string location = "command line " + given.label;
      const Key* key = find_key(given.path);
      if (key == nullptr) {
        result_.problems.push_back({location, printable(given.path), unknown_key(given.path), {}});
      } else if (first_time(given.path, location)) {
        assign(*key, location, given.value);
      }
    }
  }

  LoadResult finish() {
    // Values that failed alone would only lead to misleading problems together.
    if (result_.ok()) {
      for (Problem& problem : cross_check(result_.settings)) {
        const auto origin = result_.origins.find(problem.key);
        problem.location = origin == result_.origins.end() ? "default" : origin->second;
        result_.problems.push_back(std::move(problem));
      }
    }
    if (result_.problems.size() > kMaximumProblems) {
      result_.problems.resize(kMaximumProblems);
      result_.problems.push_back(
          {{}, {}, "there are more problems, these are the first " + std::to_string(kMaximumProblems), {}});
    }
    return std::move(result_);
  }

 private:
  using Shape = YamlEntry::Shape;

  void add_entry(const YamlEntry& entry) {
    const Key* key = find_key(entry.path);
    if (!first_time(entry.path, entry.location)) return;
    if (key != nullptr) {
      const std::string wrong = wrong_shape(entry.shape, key->kind);
      if (wrong.empty()) return assign(*key, entry.location, entry.text);
      return add_problem(*key, entry.location, wrong);
    }
    if (entry.shape == Shape::section) return;  // if its name is wrong, so is every key in it, and each is named
    if (!is_section(entry.path)) {
      result_.problems.push_back({entry.location, printable(entry.path), unknown_key(entry.path), {}});
    } else if (entry.shape != Shape::map && entry.shape != Shape::nothing) {
      result_.problems.push_back({entry.location, entry.path, "is not a map", "the keys of this section"});
    }
  }

  static std::string wrong_shape(Shape shape, Kind kind) {
    switch (shape) {
      case Shape::scalar: return {};
      case Shape::list: return kind == Kind::address_list ? "" : "is a list";
      case Shape::nested: return kind == Kind::address_list ? "is a list of lists or maps" : "is a list";
      case Shape::nothing: return "has no value";
      case Shape::section:
      case Shape::map: break;
    }
    return "is a map";
  }

  // Whether the source at hand has not given `path` before; otherwise that is a problem.
  bool first_time(const std::string& path, const std::string& location) {
    const auto [first, is_new] = given_.try_emplace(path, location);
    if (!is_new) result_.problems.push_back({location, printable(path), "given twice, first at " + first->second, "once"});
    return is_new;
  }

  void assign(const Key& key, const std::string& location, std::string_view text) {
    const std::string wrong = key.set(result_.settings, text);
    if (wrong.empty())
      result_.origins[key.path] = location;
    else
      add_problem(key, location, wrong);
  }

  void add_problem(const Key& key, const std::string& location, const std::string& wrong) {
    result_.problems.push_back({location, std::string(key.path), wrong, key.allowed});
  }

  LoadResult result_;
  std::map<std::string, std::string> given_;  // path -> location, of the source at hand
};

}  // namespace

LoadResult load(const Sources& sources) {
  Loading loading;
  if (sources.yaml_path) loading.add_file(*sources.yaml_path);
  loading.add_environment(sources.environment);
  loading.add_overrides(sources.overrides);
  return loading.finish();
}

}  // namespace strata::config
