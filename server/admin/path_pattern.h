#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace strata::server::admin {

// What stood in the places of a pattern's parameters, as it was sent. The texts are parts of the path.
struct PathValues {
  static constexpr std::size_t kMost = 2;
  std::array<std::string_view, kMost> at{};
  std::size_t count = 0;
};

// Whether a path is one of those of a pattern such as "/v1/keys/{key}": `{...}` stands for one segment, empty or not, everything else for itself, byte
// for byte. Takes no memory. Pure function, safe from any thread. REQUIRES: the pattern has at most PathValues::kMost parameters.
[[nodiscard]] constexpr bool match_path(std::string_view pattern, std::string_view path, PathValues& values) noexcept {
  // With the slash before it.
  constexpr auto take_segment = [](std::string_view& rest) {
    const std::string_view segment = rest.substr(0, rest.find('/', 1));
    rest.remove_prefix(segment.size());
    return segment;
  };
  values.count = 0;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (!wanted.starts_with("/{")) {
      if (wanted != given) return false;
    } else if (given.starts_with('/')) {
      values.at[values.count++] = given.substr(1);
    } else {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace strata::server::admin
