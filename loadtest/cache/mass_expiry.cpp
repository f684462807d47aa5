// What it takes to give back items that all expire at one moment and that nobody asks for: loads them into the cache in the process, among others that
// stay, sets the clock on, and calls upkeep in slices until they are gone.
//
//   strata-mass-expiry [ITEMS [STAYING]]      5 million items, none staying
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "engine/api/strata.hpp"
#include "loadtest/random.h"
#include "loadtest/run/run_clock.h"
#include "loadtest/workload/key_format.h"

namespace {

using strata::loadtest::KeyFormat;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 64;
constexpr std::uint64_t kBatch = 16;
constexpr std::int64_t kLoadedAtMs = 1'700'000'000'000;
constexpr std::int64_t kLifetimeMs = 60'000;
// As the server's.
constexpr std::chrono::microseconds kSlice{500};

double processor_seconds() { return static_cast<double>(strata::loadtest::thread_cpu_ns()) / 1e9; }

// Which of them stay follows no order.
void load(strata::Cache& cache, strata::Session& session, const KeyFormat& format, std::uint64_t items, std::uint64_t staying) {
  strata::loadtest::Random random(1);
  const std::string value(kValueBytes, 'v');
  std::uint64_t left = items;
  for (std::uint64_t item = 0; item < items + staying; ++item) {
    const bool expires = random.below(items + staying - item) < left;
    if (expires) --left;
    const strata::Status status = cache.update(session, cache.key(0, format.text(item)), [&](strata::Decision& decision) {
      decision.put(value, expires ? kLoadedAtMs + kLifetimeMs : strata::kNoExpiry);
    });
    if (status != strata::Status::ok) std::abort();
    if (item % kBatch == 0) session.quiescent();
  }
}

bool read_number(const char* text, std::uint64_t& number) {
  const auto [end, failure] = std::from_chars(text, text + std::strlen(text), number);
  return failure == std::errc{} && *end == '\0';
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t items = 5'000'000;
  std::uint64_t staying = 0;
  if (argc > 3 || (argc > 1 && (!read_number(argv[1], items) || items == 0)) || (argc > 2 && !read_number(argv[2], staying))) {
    fmt::print(stderr, "usage: strata-mass-expiry [ITEMS [STAYING]]\n");
    return 2;
  }
  std::string problem;
  const auto format = KeyFormat::make("key:", kKeyBytes, items + staying, problem);
  if (!format) {
    fmt::print(stderr, "strata-mass-expiry: {}\n", problem);
    return 2;
  }
  constexpr std::uint64_t kBytesEach = 200;
  strata::Cache cache({.namespaces = 1, .hash_seed = 1},
                      {.max_memory_bytes = (items + staying) * kBytesEach + (64U << 20U), .policy = strata::Policy::allkeys_lru});
  const std::unique_ptr<strata::Session> session = cache.open_session();
  const strata::Slice slice(*session);
  session->set_now_ms(kLoadedAtMs);
  load(cache, *session, *format, items, staying);
  const std::uint64_t loaded_bytes = cache.resident_bytes();

  session->set_now_ms(kLoadedAtMs + kLifetimeMs);
  const double begin = processor_seconds();
  double almost = 0;
  double longest = 0;
  std::uint64_t slices = 0;
  while (cache.size(0).items > staying) {
    const double before = processor_seconds();
    (void)cache.upkeep(*session, 0, 1, kSlice);
    const double after = processor_seconds();
    longest = std::max(longest, after - before);
    ++slices;
    if (almost == 0 && (cache.size(0).items - staying) * 100 <= items) almost = after - begin;
  }
  const double all = processor_seconds() - begin;
  const strata::cache::ExpiryStatistics told = cache.expiry_statistics();
  fmt::print(
      "{} items expired at once, {} stayed; processor time: 99 % gone after {:.3f} s, all after {:.3f} s, {:.0f} ns an item; {} "
      "slices, the longest "
      "{:.2f} ms; {} walks, {} looks; resident {} MiB before and {} MiB after\n",
      items, cache.size(0).items, almost, all, all * 1e9 / static_cast<double>(items), slices, longest * 1e3, told.walks,
      told.looked, loaded_bytes >> 20U, cache.resident_bytes() >> 20U);
  return 0;
}
