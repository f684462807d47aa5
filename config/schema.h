#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/rule.h"
#include "config/settings.h"

// The one table of configuration keys. Loading, printing, run-time changes and reference.yaml are loops over it.
// To add a key: a field with its default in settings.h, a row in schema.cpp, and its entry in reference.yaml (see printer.h).
// The table is built once and never changes; everything here is safe from any thread.
namespace strata::config {

struct Key {
  std::string_view path;  // "server.port"
  Kind kind = Kind::integer;
  bool changeable = false;  // at run time; otherwise a change needs a restart
  std::string_view effect;  // one sentence
  std::string allowed;
  std::optional<Bounds> bounds;

  // Parses `text` into the field. Returns what is wrong, and changes nothing then; empty when all is well.
  std::function<std::string(Settings&, std::string_view text)> set;
  // The canonical text of the field, which `set` takes back. A secret comes as it is.
  std::function<std::string(const Settings&)> get;

  [[nodiscard]] std::string_view section() const { return path.substr(0, path.find('.')); }
  [[nodiscard]] std::string_view name() const { return path.substr(path.find('.') + 1); }
  // The variable of the environment that sets this key: STRATA_SERVER_PORT.
  [[nodiscard]] std::string variable() const;
  // As `get`, a secret masked: for everything a person reads.
  [[nodiscard]] std::string shown(const Settings& settings) const;
};

// All keys; those of one section stand together.
const std::vector<Key>& all_keys();

// By path and by variable of the environment; nullptr if there is no such key.
const Key* find_key(std::string_view path);
const Key* find_variable(std::string_view name);

bool is_section(std::string_view name);

// The canonical text of one value, a secret masked; nullopt if there is no such key.
std::optional<std::string> get(const Settings& settings, std::string_view path);

// What to say about a key, or a variable of the environment, that does not exist: with the nearest one, if any is near.
std::string unknown_key(std::string_view path);
std::string unknown_variable(std::string_view name);

}  // namespace strata::config
