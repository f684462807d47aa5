// How long the slices of a walk through all keys take (KEYS, SCAN, a listing), in the process. Nothing changes between the walks, so the same slice does
// the same work in each: what takes long every time is the work's, what takes long once is the machine's.
//
//   strata-walk-slices [ITEMS [WALKS [KEYS]]]      10 million items, 8 walks, 256 keys a slice
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/report/histogram.h"
#include "loadtest/workload/key_format.h"

namespace {

using strata::loadtest::Histogram;
using strata::loadtest::KeyFormat;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 64;
constexpr std::uint64_t kLongNs = 1'000'000;

void fill(strata::Cache& cache, strata::Session& session, std::uint64_t items) {
  std::string problem;
  const auto format = KeyFormat::make("key:", kKeyBytes, items, problem);
  const std::string value(kValueBytes, 'v');
  const strata::Slice slice(session);
  for (std::uint64_t item = 0; item < items; ++item) {
    const std::string text = format->text(item);
    if (cache.put(session, cache.key(0, text), value, strata::kNoExpiry) != strata::Status::ok) std::abort();
    if (item % 16 == 0) session.quiescent();
  }
}

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

void tell(const std::string& what, const std::vector<std::uint64_t>& slices) {
  Histogram times;
  for (const std::uint64_t ns : slices) times.add(ns);
  fmt::print("{:18} {:>7} slices; ns: mean {:.0f}, p50 {}, p99 {}, p99.9 {}, longest {}; longer than 1 ms: {}\n", what,
             times.count(), times.mean(), times.percentile(0.5), times.percentile(0.99), times.percentile(0.999), times.maximum(),
             std::count_if(slices.begin(), slices.end(), [](std::uint64_t ns) { return ns > kLongNs; }));
}

bool read_number(const char* text, std::uint64_t& number) {
  const auto [end, failure] = std::from_chars(text, text + std::strlen(text), number);
  return failure == std::errc{} && *end == '\0' && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t items = 10'000'000, walks = 8, slice_keys = 256;
  if (argc > 4 || (argc > 1 && !read_number(argv[1], items)) || (argc > 2 && !read_number(argv[2], walks)) ||
      (argc > 3 && !read_number(argv[3], slice_keys))) {
    fmt::print(stderr, "usage: strata-walk-slices [ITEMS [WALKS [KEYS]]]\n");
    return 2;
  }
  strata::Cache cache({}, {.max_memory_bytes = items * 256 + (64ULL << 20), .policy = strata::Policy::noeviction});
  const std::unique_ptr<strata::Session> session = cache.open_session();
  fill(cache, *session, items);
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
    tell(fmt::format("walk {}:", i), slices);
  }
  tell("least of each:", least);
  return 0;
}
