// A policy of the program's own that knows what a value costs: what is worth least goes, where worth is uses times cost by size, as in GDSF
// (L. Cherkasova, "Improving WWW proxies performance with Greedy-Dual-Size-Frequency caching policy", 1998). Its aging is the cache's: uses count half
// for each round without one.
#include <strata/cache.hpp>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace {

// What it takes to make a value again: a report is computed, a page only read.
double cost_of(std::string_view key) { return key.substr(0, 7) == "report:" ? 50.0 : 1.0; }

std::optional<std::size_t> least_worth(const strata::cache::candidates& candidates) {
  std::size_t chosen = 0;
  double least = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double worth = (candidates[i].uses + 0.5) * cost_of(candidates.key(i)) / static_cast<double>(candidates[i].item_bytes);
    if (i != 0 && worth >= least) continue;
    chosen = i;
    least = worth;
  }
  return chosen;
}

int count_keys(const strata::cache& cache, const std::string& kind, int count) {
  int there = 0;
  for (int i = 0; i < count; ++i) there += cache.read(kind + std::to_string(i), [](std::string_view) {}) ? 1 : 0;
  return there;
}

// Reports, and then three times as many pages as there is room for.
void fill(strata::cache& cache) {
  const std::string value(2000, 'v');
  for (int i = 0; i < 1000; ++i) (void)cache.put("report:" + std::to_string(i), value);
  for (int i = 0; i < 10'000; ++i) (void)cache.put("page:" + std::to_string(i), value);
}

}  // namespace

int main() {
  strata::cache by_recency(std::uint64_t{8} << 20U, STRATA_CACHE_LRU);
  fill(by_recency);
  std::printf("by recency: half of the reports are there: %s\n", count_keys(by_recency, "report:", 1000) >= 500 ? "yes" : "no");

  strata::cache by_worth(std::uint64_t{8} << 20U);
  if (by_worth.set_chooser(least_worth) != STRATA_OK || by_worth.set_policy(STRATA_CACHE_CUSTOM) != STRATA_OK) return 1;
  (void)by_worth.set_samples(16);
  fill(by_worth);
  std::printf("by worth: %d of 1000 reports are there\n", count_keys(by_worth, "report:", 1000));
  const strata_cache_statistics statistics = by_worth.statistics();
  std::printf("it chose all that went: %s\n", statistics.chosen == statistics.evicted ? "yes" : "no");
  return 0;
}
