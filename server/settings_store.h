#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "config/change.h"
#include "config/loader.h"
#include "config/problem.h"
#include "config/settings.h"

namespace strata::server {

// The settings in force, and the one path by which they change: CONFIG SET, PATCH /v1/config and SIGHUP all come through
// here, are checked by config::apply_changes, and take effect together or not at all. Thread safety: all functions, from
// any thread; changes happen one after the other.
class SettingsStore {
 public:
  // Brings new settings into effect; called under the store's lock, also once by `on_change` itself with the settings of
  // the start.
  using Apply = std::function<void(const config::Settings&)>;

  SettingsStore(config::Settings settings, config::Origins origins, config::Sources sources);

  [[nodiscard]] std::shared_ptr<const config::Settings> current() const;
  [[nodiscard]] config::Origins origins() const;

  void on_change(Apply apply);

  // What is wrong with the changes; empty when they are in effect. `origin` says where they come from ("CONFIG SET").
  std::vector<config::Problem> change(std::span<const config::Change> changes, std::string_view origin);
  // As change, without the effect.
  [[nodiscard]] std::vector<config::Problem> check(std::span<const config::Change> changes) const;

  // Reads file, environment and command line again. Nothing changes if anything is wrong in them, or if a key was
  // changed that needs a restart.
  struct Reload {
    std::vector<config::Problem> problems;
    std::vector<std::string> changed;  // paths
  };
  Reload reload();

 private:
  void put(config::Settings settings);  // REQUIRES: mutex_ is held

  mutable std::mutex mutex_;
  std::shared_ptr<const config::Settings> settings_;
  config::Origins origins_;
  config::Sources sources_;
  Apply apply_;
};

}  // namespace strata::server
