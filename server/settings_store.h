#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
  // Both of one moment. The revision is another one after each change of either, in this process.
  struct Snapshot {
    std::shared_ptr<const config::Settings> settings;
    config::Origins origins;
    std::uint64_t revision = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;

  // What the machine does not allow, beside what the configuration says of itself.
  using Check = std::function<std::vector<config::Problem>(const config::Settings&)>;

  // Once, before others know the store. `check` is asked before each change.
  void on_change(Apply apply, Check check);

  // What is wrong with the changes; empty when they are in effect. `origin` says where they come from ("CONFIG SET").
  std::vector<config::Problem> change(std::span<const config::Change> changes, std::string_view origin);
  // As change, under terms, and tells what was in force before and what is now, or would be.
  struct Terms {
    std::optional<std::vector<std::uint64_t>> revisions;  // one of which has to be in force; nothing: whichever
    bool dry_run = false;                                 // without the effect
  };
  struct Attempt {
    bool is_stale = false;  // another revision is in force: nothing was looked at
    std::vector<config::Problem> problems;
    std::shared_ptr<const config::Settings> before, after;  // the same where there are problems
    std::uint64_t revision = 0;                             // in force now
  };
  Attempt attempt(std::span<const config::Change> changes, std::string_view origin, const Terms& terms);
  // As change, without the effect.
  [[nodiscard]] std::vector<config::Problem> check(std::span<const config::Change> changes) const;

  // Whether there is a file to write what is in force into; and that, which blocks meanwhile. What is wrong: see config::rewrite_file.
  [[nodiscard]] bool has_file() const { return sources_.yaml_path.has_value(); }
  std::vector<config::Problem> rewrite();

  // Reads file, environment and command line again. Nothing changes if anything is wrong in them, or if a key was
  // changed that needs a restart.
  struct Reload {
    std::vector<config::Problem> problems;
    std::vector<std::string> changed;  // paths
  };
  Reload reload();

 private:
  [[nodiscard]] config::ChangeResult changed(std::span<const config::Change> changes) const;  // REQUIRES: mutex_ is held
  void put(config::Settings settings);  // REQUIRES: mutex_ is held

  mutable std::mutex mutex_;
  std::shared_ptr<const config::Settings> settings_;
  config::Origins origins_;
  std::uint64_t revision_ = 1;
  config::Sources sources_;
  Apply apply_;
  Check check_;
};

}  // namespace strata::server
