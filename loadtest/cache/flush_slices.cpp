// How long the slices take in which the memory of flushed keys comes back, in the process. Every round does the same work: what takes long by itself takes
// long in each of them, what takes long in one is the machine's.
//
//   strata-flush-slices [ITEMS [ROUNDS]]      10 million items, 4 rounds
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/cache/timed_slices.h"
#include "loadtest/run/run_clock.h"

namespace {

// As the server's.
constexpr std::chrono::microseconds kSlice{500};

struct Times {
  std::vector<std::uint64_t> elapsed, processor;
  std::vector<std::int64_t> given_back_bytes;
};

Times flush(strata::Cache& cache, strata::Session& session) {
  Times times;
  {
    const strata::Slice slice(session);
    cache.clear(session, 0, false);
  }
  do {
    const auto before_bytes = static_cast<std::int64_t>(cache.resident_bytes());
    const std::uint64_t begin = strata::monotonic_ns(), processor_begin = strata::loadtest::thread_cpu_ns();
    {
      const strata::Slice slice(session);
      (void)cache.upkeep(session, 0, 1, kSlice);
    }
    times.processor.push_back(strata::loadtest::thread_cpu_ns() - processor_begin);
    times.elapsed.push_back(strata::monotonic_ns() - begin);
    times.given_back_bytes.push_back(before_bytes - static_cast<std::int64_t>(cache.resident_bytes()));
  } while (cache.is_clearing());
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t items = 10'000'000, rounds = 4;
  if (argc > 3 || (argc > 1 && !strata::loadtest::read_positive(argv[1], items)) ||
      (argc > 2 && !strata::loadtest::read_positive(argv[2], rounds))) {
    fmt::print(stderr, "usage: strata-flush-slices [ITEMS [ROUNDS]]\n");
    return 2;
  }
  strata::Cache cache({}, {.max_memory_bytes = items * 256 + (64ULL << 20), .policy = strata::Policy::noeviction});
  const std::unique_ptr<strata::Session> session = cache.open_session();
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    strata::loadtest::fill(cache, *session, items);
    const std::uint64_t before_bytes = cache.resident_bytes();
    const Times times = flush(cache, *session);
    strata::loadtest::tell(fmt::format("round {}, elapsed:", round), times.elapsed);
    strata::loadtest::tell(fmt::format("round {}, processor:", round), times.processor);
    for (std::size_t at = 0; at < times.processor.size(); ++at) {
      if (times.processor[at] > strata::loadtest::kLongSliceNs)
        fmt::print("  slice {}: {} us, {} KiB given back\n", at, times.processor[at] / 1000, times.given_back_bytes[at] / 1024);
    }
    fmt::print("resident {} MiB before and {} MiB after\n", before_bytes >> 20U, cache.resident_bytes() >> 20U);
  }
  return 0;
}
