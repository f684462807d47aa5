// What rounding and records cost over the sizes of published production caches.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/allocator/limits.h"
#include "engine/allocator/process_allocator.h"
#include "engine/allocator/shared_heap.h"
#include "engine/allocator/statistics.h"
#include "tests/engine/allocator/resident_pages.h"

namespace strata::allocator {
namespace {

// A line of the table: mean sizes of keys and values.
struct CacheSizes {
  double key_bytes;
  double value_bytes;
};

std::filesystem::path table_of_caches() {
  const char* given = std::getenv("STRATA_DATA");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const std::filesystem::path folder = given == nullptr ? std::filesystem::path(STRATA_ROOT) / ".." / "shared" / "data" : given;
  return folder / "traces" / "twitter-2020Mar-statistics.md";
}

// Those whose sizes are published.
std::vector<CacheSizes> read_caches() {
  std::vector<CacheSizes> caches;
  std::ifstream table(table_of_caches());
  for (std::string line; std::getline(table, line);) {
    std::istringstream cells(line);
    std::vector<std::string> words;
    for (std::string cell; std::getline(cells, cell, '|');) words.push_back(cell);
    if (words.size() < 6 || words[1].find("cluster") == std::string::npos) continue;
    CacheSizes cache{.key_bytes = std::strtod(words[4].c_str(), nullptr), .value_bytes = std::strtod(words[5].c_str(), nullptr)};
    if (cache.key_bytes > 0 && cache.value_bytes > 0) caches.push_back(cache);
  }
  return caches;
}

struct Overhead {
  double mean = 0;    // of the caches' own
  double pooled = 0;  // of all their bytes
};

// Bytes of the pages that are resident, and of the records of the slices in use.
double held_bytes() {
  const std::uint64_t slices = read_held_memory().in_use_bytes / kSliceBytes;
  return static_cast<double>(test::resident_bytes(process.map.memory().base(), process.slices.frontier() * kSliceBytes)) +
         static_cast<double>(slices * sizeof(Span));
}

// Key and value in one block, values log-normal around their mean.
Overhead overhead_of(const std::vector<CacheSizes>& caches, std::size_t alignment, std::uint64_t items) {
  constexpr double kSigma = 0.5;
  constexpr std::uint64_t kLeastBytes = std::uint64_t{64} << 20;
  double sum = 0;
  double pooled_requested = 0;
  double pooled_held = 0;
  for (const CacheSizes& cache : caches) {
    std::mt19937_64 random(1);
    std::lognormal_distribution<double> value(std::log(cache.value_bytes) - kSigma * kSigma / 2, kSigma);
    SharedHeap* const heap = SharedHeap::create({.name = "a cache"});
    std::uint64_t requested = 0;
    std::uint64_t count = 0;
    for (; requested < kLeastBytes || count < items; ++count) {
      const auto bytes = static_cast<std::size_t>(cache.key_bytes + value(random)) + 1;
      auto* const block = static_cast<std::byte*>(heap->allocate(bytes, alignment));
      for (std::size_t at = 0; at < bytes; at += 1024) block[at] = std::byte{1};
      block[bytes - 1] = std::byte{1};
      requested += bytes;
    }
    const double held = held_bytes();
    SharedHeap::destroy(heap);
    purge_all();
    sum += held / static_cast<double>(requested) - 1;
    // The same number of items of each.
    pooled_requested += static_cast<double>(requested) / static_cast<double>(count);
    pooled_held += held / static_cast<double>(count);
  }
  return {.mean = sum / static_cast<double>(caches.size()), .pooled = pooled_held / pooled_requested - 1};
}

TEST(Overhead, OfTheSizesOfProductionCaches) {
  if (kMemoryChecks != MemoryChecks::none) GTEST_SKIP() << "blocks have records and canaries with checks";
  const std::vector<CacheSizes> caches = read_caches();
  if (caches.empty()) GTEST_SKIP() << "there is no " << table_of_caches() << ": set STRATA_DATA to the folder that has traces/";
  EXPECT_GT(caches.size(), 50U);
  const Overhead of_eight = overhead_of(caches, 8, 10'000);
  const Overhead of_malloc = overhead_of(caches, kMallocAlignment, 10'000);
  std::cout << "overhead of records and rounding, alignment 8: mean of the caches " << 100 * of_eight.mean << " %, all bytes "
            << 100 * of_eight.pooled << " %; alignment 16: " << 100 * of_malloc.mean << " %, " << 100 * of_malloc.pooled
            << " %\n";
  EXPECT_LT(of_eight.mean, 0.05);
  EXPECT_LT(of_eight.pooled, 0.05);
  EXPECT_LT(of_malloc.pooled, 0.05);
  // Half of it is what an alignment of 16 bytes costs blocks of 26 to 60 bytes, whoever hands them out.
  EXPECT_LT(of_malloc.mean, 0.075);
}

}  // namespace
}  // namespace strata::allocator
