// How long the slices of a walk through all keys take (KEYS, SCAN, a listing), in the process. Nothing changes between the walks, so the same slice does
// the same work in each: what takes long every time is the work's, what takes long once is the machine's.
//
//   strata-walk-slices [ITEMS [WALKS [KEYS]]]      10 million items, 8 walks, 256 keys a slice
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/cache/timed_slices.h"

namespace {

// The time of each slice of one walk. `keys`: that were seen.
std::vector<std::uint64_t> walk(strata::Cache& cache, strata::Session& session, std::size_t slice_keys, std::uint64_t& keys) {
  std::vector<std::uint64_t> slices;
  keys = 0;
  std::uint64_t cursor = 0;
  do {
    const std::uint64_t begin = strata::monotonic_ns();
    {
      const strata::Slice slice(session);
      cursor = cache.scan(session, 0, cursor, slice_keys, slice_keys, [&](std::string_view key, const strata::ItemView& item) {
        keys += key.empty() || item.value.empty() ? 0U : 1U;
      });
    }
    slices.push_back(strata::monotonic_ns() - begin);
  } while (cursor != 0);
  return slices;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t items = 10'000'000, walks = 8, slice_keys = 256;
  if (argc > 4 || (argc > 1 && !strata::loadtest::read_positive(argv[1], items)) ||
      (argc > 2 && !strata::loadtest::read_positive(argv[2], walks)) ||
      (argc > 3 && !strata::loadtest::read_positive(argv[3], slice_keys))) {
    fmt::print(stderr, "usage: strata-walk-slices [ITEMS [WALKS [KEYS]]]\n");
    return 2;
  }
  strata::Cache cache({}, {.max_memory_bytes = items * 256 + (64ULL << 20), .policy = strata::Policy::noeviction});
  const std::unique_ptr<strata::Session> session = cache.open_session();
  strata::loadtest::fill(cache, *session, items);
  std::vector<std::uint64_t> least;
  for (std::uint64_t i = 1; i <= walks; ++i) {
    std::uint64_t keys = 0;
    const std::vector<std::uint64_t> slices = walk(cache, *session, slice_keys, keys);
    if (keys != items || (!least.empty() && least.size() != slices.size())) {
      fmt::print(stderr, "walk {} saw {} keys in {} slices\n", i, keys, slices.size());
      return 1;
    }
    if (least.empty()) least = slices;
    for (std::size_t at = 0; at < slices.size(); ++at) least[at] = std::min(least[at], slices[at]);
    strata::loadtest::tell(fmt::format("walk {}:", i), slices);
  }
  strata::loadtest::tell("least of each:", least);
  return 0;
}
