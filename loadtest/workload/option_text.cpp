#include "loadtest/workload/option_text.h"

#include <charconv>
#include <cmath>

namespace strata::loadtest {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<Weighted> parse_weighted(std::string_view text) {
  std::vector<Weighted> list;
  double sum = 0;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) return {};
    const std::optional<double> weight = parse_number(part.substr(equals + 1));
    if (!weight || *weight < 0) return {};
    list.push_back({part.substr(0, equals), *weight});
    sum += *weight;
  }
  if (sum <= 0) list.clear();
  return list;
}

}  // namespace strata::loadtest
