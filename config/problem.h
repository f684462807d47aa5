#pragma once

#include <string>

namespace strata::config {

// One thing wrong with a configuration: where it stands, which key, what is wrong and what is allowed instead.
// `location` is empty for a change at run time, `key` for a problem of a whole file, `allowed` where nothing would help.
struct Problem {
  std::string location;
  std::string key;
  std::string wrong;
  std::string allowed;

  // "location: key: wrong; allowed: allowed", without the empty ones.
  [[nodiscard]] std::string text() const {
    std::string line;
    if (!location.empty()) line += location + ": ";
    if (!key.empty()) line += key + ": ";
    line += wrong;
    if (!allowed.empty()) line += "; allowed: " + allowed;
    return line;
  }
};

}  // namespace strata::config
