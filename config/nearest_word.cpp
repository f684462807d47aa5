#include "config/nearest_word.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace strata::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::size_t slip_limit(std::string_view wanted) {
  constexpr std::size_t kLongestWanted = 64;  // beyond every word of ours, and the search stays cheap
  return wanted.size() > kLongestWanted ? 0 : std::min<std::size_t>(4, wanted.size() / 3 + 1);
}

std::string_view nearest_word(std::string_view wanted, const std::vector<std::string_view>& choices) {
  std::string_view nearest;
  std::size_t smallest = slip_limit(wanted);
  if (smallest == 0) return nearest;
  for (const std::string_view choice : choices) {
    const std::size_t distance = edit_distance(wanted, choice);
    if (distance >= smallest) continue;
    smallest = distance;
    nearest = choice;
  }
  return nearest;
}

}  // namespace strata::config
