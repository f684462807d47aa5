#include "server/settings_store.h"

#include <algorithm>
#include <utility>

#include "config/rewriter.h"
#include "config/schema.h"

namespace strata::server {

SettingsStore::SettingsStore(config::Settings settings, config::Origins origins, config::Sources sources)
    : settings_(std::make_shared<const config::Settings>(std::move(settings))),
      origins_(std::move(origins)),
      sources_(std::move(sources)) {}

std::shared_ptr<const config::Settings> SettingsStore::current() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

config::Origins SettingsStore::origins() const {
  const std::scoped_lock lock(mutex_);
  return origins_;
}

SettingsStore::Snapshot SettingsStore::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return {settings_, origins_, revision_};
}

void SettingsStore::on_change(Apply apply, Check check) {
  const std::scoped_lock lock(mutex_);
  apply_ = std::move(apply);
  check_ = std::move(check);
  apply_(*settings_);
}

config::ChangeResult SettingsStore::changed(std::span<const config::Change> changes) const {
  config::ChangeResult result = config::apply_changes(*settings_, changes);
  if (result.ok() && check_) result.problems = check_(result.settings);
  return result;
}

void SettingsStore::put(config::Settings settings) {
  ++revision_;
  settings_ = std::make_shared<const config::Settings>(std::move(settings));
  if (apply_) apply_(*settings_);
}

std::vector<config::Problem> SettingsStore::change(std::span<const config::Change> changes, std::string_view origin) {
  return attempt(changes, origin, {}).problems;
}

SettingsStore::Attempt SettingsStore::attempt(std::span<const config::Change> changes, std::string_view origin,
                                              const Terms& terms) {
  const std::scoped_lock lock(mutex_);
  Attempt outcome{.is_stale = false, .problems = {}, .before = settings_, .after = settings_, .revision = revision_};
  if (terms.revisions && std::find(terms.revisions->begin(), terms.revisions->end(), revision_) == terms.revisions->end()) {
    outcome.is_stale = true;
    return outcome;
  }
  config::ChangeResult result = changed(changes);
  if (!result.ok()) {
    outcome.problems = std::move(result.problems);
  } else if (terms.dry_run) {
    outcome.after = std::make_shared<const config::Settings>(std::move(result.settings));
  } else {
    put(std::move(result.settings));
    for (const auto& [path, value] : changes) origins_[config::find_key(path)->path] = origin;
    outcome.after = settings_;
    outcome.revision = revision_;
  }
  return outcome;
}

std::vector<config::Problem> SettingsStore::check(std::span<const config::Change> changes) const {
  const std::scoped_lock lock(mutex_);
  return changed(changes).problems;
}

std::vector<config::Problem> SettingsStore::rewrite() {
  const std::scoped_lock lock(mutex_);
  if (!has_file()) return {{"", "", "the server is running without a config file", ""}};
  config::Rewritten rewritten = config::rewrite_file(sources_, *settings_);
  ++revision_;
  for (const std::string& path : rewritten.paths) origins_[config::find_key(path)->path] = *sources_.yaml_path;
  return std::move(rewritten.problems);
}

SettingsStore::Reload SettingsStore::reload() {
  const std::scoped_lock lock(mutex_);
  config::LoadResult loaded = config::load(sources_);
  if (!loaded.ok()) return {std::move(loaded.problems), {}};
  const config::Differences differences = config::diff(*settings_, loaded.settings);
  Reload outcome;
  for (const std::string& path : differences.fixed) {
    const auto origin = loaded.origins.find(path);
    outcome.problems.push_back(
        {origin != loaded.origins.end() ? origin->second : "", path, "can only change with a restart", ""});
  }
  if (!outcome.problems.empty()) return outcome;
  config::ChangeResult result = changed(differences.changeable);
  if (!result.ok()) return {std::move(result.problems), {}};
  put(std::move(result.settings));
  origins_ = std::move(loaded.origins);
  for (const auto& [path, value] : differences.changeable) outcome.changed.push_back(path);
  return outcome;
}

}  // namespace strata::server
