#include "config/rewriter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "config/printable_text.h"
#include "config/printer.h"
#include "config/schema.h"
#include "config/yaml_source.h"

namespace strata::config {
namespace {

std::string system_text() { return std::generic_category().message(errno); }

// The file beside the one that it is to replace; gone where it was not put in its place.
class Replacement {
 public:
  explicit Replacement(std::string target) : target_(std::move(target)), path_(target_ + ".XXXXXX") {}
  ~Replacement() {
    if (descriptor_ >= 0) close(descriptor_);
    if (exists_) unlink(path_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // Empty, or why it could not be written.
  std::string write(const std::string& text) {
    descriptor_ = mkstemp(path_.data());
    if (descriptor_ < 0) return system_text();
    exists_ = true;
    struct stat before {};
    if (stat(target_.c_str(), &before) != 0 || fchmod(descriptor_, before.st_mode & 07777U) != 0) return system_text();
    // Only root may; else it is the one's who rewrites it.
    if (fchown(descriptor_, before.st_uid, before.st_gid) != 0 && errno != EPERM) return system_text();
    for (std::size_t written = 0; written < text.size();) {
      const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_text();
      written += static_cast<std::size_t>(count);
    }
    return fsync(descriptor_) == 0 ? std::string() : system_text();
  }
  std::string put_in_place() {
    if (std::rename(path_.c_str(), target_.c_str()) != 0) return system_text();
    exists_ = false;
    return {};
  }

 private:
  std::string target_;
  std::string path_;
  int descriptor_ = -1;
  bool exists_ = false;
};

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
  // A link stays one.
  const std::string path = *sources.yaml_path;
  char resolved[PATH_MAX];
  const std::string target = realpath(path.c_str(), resolved) != nullptr ? resolved : path;
  LoadResult loaded = load(sources);
  if (!loaded.ok()) return {{}, std::move(loaded.problems)};
  Rewritten result;
  Settings expected = of_file(path, result.problems);
  if (!result.problems.empty()) return result;

  FileText file = read_file(target);
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

  Replacement replacement(target);
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
