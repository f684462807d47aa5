// What growing costs those who write: loads items into the cache in the process, and tells how long each write took, and how full the index was.
//
//   strata-index-growth [ITEMS [THREADS]]      20 million items, one thread
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/report/histogram.h"
#include "loadtest/workload/key_format.h"

namespace {

using strata::loadtest::Histogram;
using strata::loadtest::KeyFormat;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 64;
constexpr std::uint64_t kBatch = 16;
constexpr std::uint64_t kSampleEvery = 50'000;
constexpr std::uint64_t kLongNs = 1'000'000;

struct Loaded {
  Histogram writes;
  Histogram pauses;  // between batches: what was retired comes back, emptied tables too
  double fill_sum = 0;
  std::uint64_t samples = 0;
  double least_fill = 1;
  // Of the writes longer than a millisecond:
  std::uint64_t long_with_faults = 0;  // more than half of the time was the kernel's, and pages were touched first
  std::uint64_t long_preempted = 0;    // another had the processor
};

// What the system has counted of a thread.
struct ThreadUse {
  std::int64_t faults = 0, preemptions = 0, kernel_us = 0;

  static ThreadUse now() {
    rusage use{};
    getrusage(RUSAGE_THREAD, &use);
    return {.faults = use.ru_minflt,
            .preemptions = use.ru_nivcsw,
            .kernel_us = std::int64_t{use.ru_stime.tv_sec} * 1'000'000 + use.ru_stime.tv_usec};
  }
};

// `before`: at the end of the last batch, so what is told is of the write and the few before it.
void note_long(Loaded& loaded, std::uint64_t ns, const ThreadUse& before) {
  const ThreadUse after = ThreadUse::now();
  if (after.preemptions != before.preemptions) {
    ++loaded.long_preempted;
  } else if (after.faults != before.faults && (after.kernel_us - before.kernel_us) * 2000 > static_cast<std::int64_t>(ns)) {
    ++loaded.long_with_faults;
  }
}

// Every `threads`-th item from `first` on. The first thread looks how full the index is.
void load(strata::Cache& cache, const KeyFormat& format, std::uint64_t items, std::uint64_t first, std::uint64_t threads,
          Loaded& loaded) {
  const std::unique_ptr<strata::Session> session = cache.open_session();
  const strata::Slice slice(*session);
  const std::string value(kValueBytes, 'v');
  std::uint64_t written = 0;
  ThreadUse use = ThreadUse::now();
  for (std::uint64_t item = first; item < items; item += threads) {
    const std::string text = format.text(item);
    const std::uint64_t begin = strata::monotonic_ns();
    const strata::Status status =
        cache.update(*session, cache.key(0, text), [&](strata::Decision& decision) { decision.put(value, strata::kNoExpiry); });
    const std::uint64_t took = strata::monotonic_ns() - begin;
    loaded.writes.add(took);
    if (took > kLongNs) note_long(loaded, took, use);
    if (status != strata::Status::ok) std::abort();
    if (++written % kBatch == 0) {
      const std::uint64_t pause = strata::monotonic_ns();
      session->quiescent();
      loaded.pauses.add(strata::monotonic_ns() - pause);
      use = ThreadUse::now();
    }
    // From a few items a shard on.
    if (first == 0 && written % kSampleEvery == 0 && written * threads > items / 20) {
      const double fill = static_cast<double>(cache.size(0).items) / static_cast<double>(cache.index_statistics().slots);
      loaded.fill_sum += fill;
      ++loaded.samples;
      loaded.least_fill = std::min(loaded.least_fill, fill);
    }
  }
}

std::uint64_t over(const Histogram& histogram, std::uint64_t nanoseconds) {
  std::uint64_t count = 0;
  histogram.each([&](std::size_t bucket, std::uint64_t times) {
    if (Histogram::upper_end(bucket) > nanoseconds) count += times;
  });
  return count;
}

void tell(const char* what, const Histogram& histogram) {
  fmt::print(
      "{:7} {:>11} times; ns: mean {:.0f}, p50 {}, p99 {}, p99.9 {}, p99.99 {}, p99.999 {}, longest {}; longer than 1 ms: {}\n",
      what, histogram.count(), histogram.mean(), histogram.percentile(0.5), histogram.percentile(0.99),
      histogram.percentile(0.999), histogram.percentile(0.9999), histogram.percentile(0.99999), histogram.maximum(),
      over(histogram, kLongNs));
}

bool read_number(const char* text, std::uint64_t& number) {
  const auto [end, failure] = std::from_chars(text, text + std::strlen(text), number);
  return failure == std::errc{} && *end == '\0' && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t items = 20'000'000;
  std::uint64_t threads = 1;
  if (argc > 3 || (argc > 1 && !read_number(argv[1], items)) || (argc > 2 && !read_number(argv[2], threads))) {
    fmt::print(stderr, "usage: strata-index-growth [ITEMS [THREADS]]\n");
    return 2;
  }
  std::string problem;
  const auto format = KeyFormat::make("key:", kKeyBytes, items, problem);
  if (!format) {
    fmt::print(stderr, "strata-index-growth: {}\n", problem);
    return 2;
  }
  constexpr std::uint64_t kBytesEach = 200;
  strata::Cache cache({.namespaces = 1, .hash_seed = 1},
                      {.max_memory_bytes = items * kBytesEach + (64U << 20U), .policy = strata::Policy::noeviction});
  std::vector<std::unique_ptr<Loaded>> loaded;
  for (std::uint64_t thread = 0; thread < threads; ++thread) loaded.push_back(std::make_unique<Loaded>());
  {
    std::vector<std::jthread> loaders;
    for (std::uint64_t thread = 0; thread < threads; ++thread) {
      loaders.emplace_back([&, thread] { load(cache, *format, items, thread, threads, *loaded[thread]); });
    }
  }
  for (std::uint64_t thread = 1; thread < threads; ++thread) {
    loaded[0]->writes.add(loaded[thread]->writes);
    loaded[0]->pauses.add(loaded[thread]->pauses);
    loaded[0]->long_with_faults += loaded[thread]->long_with_faults;
    loaded[0]->long_preempted += loaded[thread]->long_preempted;
  }
  const strata::cache::IndexStatistics index = cache.index_statistics();
  fmt::print("{} items, {} threads; tables moved: {}; slots taken: mean {:.1f} %, least {:.1f} %\n", cache.size(0).items, threads,
             index.moves, 100 * loaded[0]->fill_sum / static_cast<double>(std::max<std::uint64_t>(loaded[0]->samples, 1)),
             100 * loaded[0]->least_fill);
  tell("writes", loaded[0]->writes);
  fmt::print("writes longer than 1 ms: {} while pages were touched first, {} while another had the processor, {} else\n",
             loaded[0]->long_with_faults, loaded[0]->long_preempted,
             over(loaded[0]->writes, kLongNs) - loaded[0]->long_with_faults - loaded[0]->long_preempted);
  tell("pauses", loaded[0]->pauses);
  return 0;
}
