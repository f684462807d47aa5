// What programs share that time the slices of long work on many keys.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/report/histogram.h"
#include "loadtest/workload/key_format.h"

namespace strata::loadtest {

// No event loop is to be held for longer.
inline constexpr std::uint64_t kLongSliceNs = 1'000'000;

// Stores so many items of 16 + 64 B in the first database.
inline void fill(Cache& cache, Session& session, std::uint64_t items) {
  constexpr std::size_t kKeyBytes = 16, kValueBytes = 64;
  std::string problem;
  const auto format = KeyFormat::make("key:", kKeyBytes, items, problem);
  const std::string value(kValueBytes, 'v');
  const Slice slice(session);
  for (std::uint64_t item = 0; item < items; ++item) {
    const std::string text = format->text(item);
    if (cache.put(session, cache.key(0, text), value, kNoExpiry) != Status::ok) std::abort();
    if (item % 16 == 0) session.quiescent();
  }
}

// Prints how long they took, in nanoseconds each.
inline void tell(const std::string& what, const std::vector<std::uint64_t>& slices) {
  Histogram times;
  for (const std::uint64_t ns : slices) times.add(ns);
  fmt::print("{:18} {:>7} slices; ns: mean {:.0f}, p50 {}, p99 {}, p99.9 {}, longest {}; longer than 1 ms: {}\n", what,
             times.count(), times.mean(), times.percentile(0.5), times.percentile(0.99), times.percentile(0.999), times.maximum(),
             std::count_if(slices.begin(), slices.end(), [](std::uint64_t ns) { return ns > kLongSliceNs; }));
}

inline bool read_positive(const char* text, std::uint64_t& number) {
  const auto [end, failure] = std::from_chars(text, text + std::strlen(text), number);
  return failure == std::errc{} && *end == '\0' && number > 0;
}

}  // namespace strata::loadtest
