#include <algorithm>
#include <array>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/workload.h"

// The time of malloc alone and of free alone, on one thread, from 8 B to 1 GiB. Small blocks come in batches between two
// looks at the clock, warm: the batch before freed the same. Between the two calls the first and the last byte of each
// block are written, outside of the time, so that freeing a large block includes giving those pages back.
namespace strata::loadtest::allocator {
namespace {

using Clock = std::chrono::steady_clock;

struct Step {
  std::uint64_t size_bytes;
  std::uint32_t batch;
  std::uint64_t batches;
};
constexpr std::uint64_t kSmallLimit = 1024;  // sizes that the total of the workload covers
constexpr std::array<Step, 15> kSteps = {{{8, 32, 100'000},
                                          {32, 32, 100'000},
                                          {128, 32, 100'000},
                                          {512, 32, 100'000},
                                          {2 << 10, 32, 20'000},
                                          {8 << 10, 32, 20'000},
                                          {32 << 10, 32, 20'000},
                                          {128 << 10, 8, 5000},
                                          {512 << 10, 8, 5000},
                                          {2 << 20, 4, 1000},
                                          {8 << 20, 4, 1000},
                                          {32 << 20, 4, 1000},
                                          {128 << 20, 1, 100},
                                          {512 << 20, 1, 100},
                                          {1 << 30, 1, 100}}};
constexpr std::uint32_t kLargestBatch = 32;
constexpr std::uint64_t kMostBatches = 100'000;
constexpr std::uint64_t kWarmUpBatches = 3;

std::uint64_t batches_of(const Step& step, const Settings& settings) { return scaled(step.batches, settings, 3); }

// Nanoseconds a call, one entry a batch.
using Samples = std::span<float>;

float per_call(Clock::duration time, std::uint32_t batch) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  return static_cast<float>(ns) / static_cast<float>(batch);
}

void write_ends(char* start, std::uint64_t size_bytes, char value) {
  start[0] = value;
  start[size_bytes - 1] = value;
}

void require_ends(const char* start, std::uint64_t size_bytes, char value) {
  if (start[0] == value && start[size_bytes - 1] == value) [[likely]]
    return;
  fail("block of %llu bytes at %p changed its contents while it was in use", static_cast<unsigned long long>(size_bytes),
       static_cast<const void*>(start));
}

void measure(const Step& step, Samples malloc_ns, Samples free_ns) {
  std::array<char*, kLargestBatch> starts;
  const std::span<char*> batch = std::span(starts).first(step.batch);
  for (std::uint64_t round = 0; round < kWarmUpBatches + malloc_ns.size(); ++round) {
    const Clock::time_point malloc_begin = Clock::now();
    for (char*& start : batch) start = static_cast<char*>(std::malloc(step.size_bytes));
    const Clock::time_point malloc_end = Clock::now();
    for (std::uint32_t index = 0; index < step.batch; ++index) {
      require_usable(batch[index], step.size_bytes);
      write_ends(batch[index], step.size_bytes, static_cast<char>(index));
    }
    for (std::uint32_t index = 0; index < step.batch; ++index) {
      require_ends(batch[index], step.size_bytes, static_cast<char>(index));
    }
    const Clock::time_point free_begin = Clock::now();
    for (char* start : batch) std::free(start);
    const Clock::time_point free_end = Clock::now();
    if (round < kWarmUpBatches) continue;
    malloc_ns[round - kWarmUpBatches] = per_call(malloc_end - malloc_begin, step.batch);
    free_ns[round - kWarmUpBatches] = per_call(free_end - free_begin, step.batch);
  }
}

// REQUIRES: sorted, not empty
double quantile(Samples sorted, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]);
}

double sum(Samples samples) {
  double result = 0;
  for (const float sample : samples) result += static_cast<double>(sample);
  return result;
}

// What every figure contains of the clock itself: divide by the batch.
double clock_ns() {
  constexpr int kLooks = 10'000;
  const Clock::time_point begin = Clock::now();
  Clock::time_point end = begin;
  for (int look = 0; look < kLooks; ++look) end = Clock::now();
  return static_cast<double>(std::chrono::nanoseconds(end - begin).count()) / kLooks;
}

Fields parameters(const Settings& settings) {
  return {{"smallest_bytes", kSteps.front().size_bytes},
          {"largest_bytes", kSteps.back().size_bytes},
          {"batches_of_small_blocks", batches_of(kSteps.front(), settings)},
          {"total_covers_sizes_to_bytes", kSmallLimit}};
}

Result run(const Settings& settings) {
  MappedArray<float> malloc_samples(kMostBatches);
  MappedArray<float> free_samples(kMostBatches);
  Result result;
  double small_ns = 0;
  const double clock = clock_ns();
  for (const Step& step : kSteps) {
    const std::uint64_t batches = batches_of(step, settings);
    const Samples malloc_ns = malloc_samples.all().first(batches);
    const Samples free_ns = free_samples.all().first(batches);
    measure(step, malloc_ns, free_ns);
    if (step.size_bytes <= kSmallLimit) {
      result.operations += batches * step.batch;
      small_ns += (sum(malloc_ns) + sum(free_ns)) * step.batch;
    }
    std::ranges::sort(malloc_ns);
    std::ranges::sort(free_ns);
    result.rows.push_back({{"size_bytes", step.size_bytes},
                           {"batch", std::uint64_t{step.batch}},
                           {"batches", batches},
                           {"clock_ns_per_call", clock / step.batch},
                           {"malloc_ns_median", quantile(malloc_ns, 0.5)},
                           {"malloc_ns_p99", quantile(malloc_ns, 0.99)},
                           {"malloc_ns_p999", quantile(malloc_ns, 0.999)},
                           {"free_ns_median", quantile(free_ns, 0.5)},
                           {"free_ns_p99", quantile(free_ns, 0.99)},
                           {"free_ns_p999", quantile(free_ns, 0.999)}});
  }
  result.elapsed = std::chrono::nanoseconds(static_cast<std::int64_t>(small_ns));
  return result;
}

}  // namespace

Workload latency() {
  return {.name = "latency",
          .summary = "malloc alone and free alone from 8 B to 1 GiB, one thread, warm batches",
          .operation = "malloc+free pair",
          .memory_moment = "",
          .rows_name = "sizes",
          .threads = {.normal = 1, .least = 1, .most = 1},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
