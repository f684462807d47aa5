#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// The small grammar of the workload options: parts between separators, numbers, weighted lists.
namespace strata::loadtest {

// "a:b" -> {"a", "b"}; always at least one part.
std::vector<std::string_view> split(std::string_view text, char separator);

// A finite decimal number, all of the text: "0.99", "5".
std::optional<double> parse_number(std::string_view text);

// "get=90,set=10": a name with a weight, in the order written.
struct Weighted {
  std::string_view name;
  double weight;
};

// Empty if the text is not such a list, or a weight is negative, or all are 0. The names point into `text`.
std::vector<Weighted> parse_weighted(std::string_view text);

}  // namespace strata::loadtest
