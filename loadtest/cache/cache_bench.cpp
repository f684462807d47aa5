// In-process operations of the cache, one thread, keys of 16 bytes and values of 64, beside a chase of dependent loads over as much
// memory: no lookup that must touch an unpredictable line can be faster than that.
#include <benchmark/benchmark.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/strata.hpp"
#include "loadtest/random.h"
#include "loadtest/workload/key_format.h"

namespace {

using strata::loadtest::KeyFormat;
using strata::loadtest::Random;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 64;
// What an item takes with its share of the index, about; the chase covers as much.
constexpr std::size_t kItemFootprintBytes = 128;
constexpr std::size_t kOrder = 1 << 16;  // keys are asked for in a random order of this length, again and again
constexpr std::int64_t kSmall = 10'000;
constexpr std::int64_t kLarge = 2'000'000;

class FilledCache {
 public:
  explicit FilledCache(std::uint64_t items) : cache_({}, {.max_memory_bytes = 8ULL << 30, .policy = strata::Policy::noeviction}) {
    session_ = cache_.open_session();
    std::string problem;
    const auto format = KeyFormat::make("key:", kKeyBytes, 2 * items, problem);
    for (std::uint64_t i = 0; i < items; ++i) put(format->text(i));
    Random random(1);
    for (std::size_t i = 0; i < kOrder; ++i) {
      present_.push_back(format->text(random.below(items)));
      absent_.push_back(format->text(items + random.below(items)));
    }
  }

  [[nodiscard]] const std::string& present(std::size_t i) const { return present_[i % kOrder]; }
  [[nodiscard]] const std::string& absent(std::size_t i) const { return absent_[i % kOrder]; }

  bool get(const std::string& key) {
    return cache_.read(*session_, cache_.key(0, key),
                       [](const strata::ItemView& item) { benchmark::DoNotOptimize(item.value.data()[0]); });
  }
  void put(const std::string& key) {
    cache_.update(*session_, cache_.key(0, key), [this](strata::Decision& decision) { decision.put(value_, strata::kNoExpiry); });
  }
  void remove(const std::string& key) {
    cache_.update(*session_, cache_.key(0, key), [](strata::Decision& decision) { decision.remove(); });
  }

 private:
  strata::Cache cache_;
  std::unique_ptr<strata::Session> session_;
  std::string value_ = std::string(kValueBytes, 'v');
  std::vector<std::string> present_;
  std::vector<std::string> absent_;
};

// Filled once for all benchmarks of a size.
FilledCache& cache_of(std::int64_t items) {
  static std::map<std::int64_t, std::unique_ptr<FilledCache>> caches;
  auto& cache = caches[items];
  if (!cache) cache = std::make_unique<FilledCache>(static_cast<std::uint64_t>(items));
  return *cache;
}

void lookup_hit(benchmark::State& state) {
  FilledCache& cache = cache_of(state.range(0));
  std::size_t i = 0;
  for (auto _ : state) {
    if (!cache.get(cache.present(i++))) state.SkipWithError("a key that was stored is missing");
  }
}

void lookup_miss(benchmark::State& state) {
  FilledCache& cache = cache_of(state.range(0));
  std::size_t i = 0;
  for (auto _ : state) {
    if (cache.get(cache.absent(i++))) state.SkipWithError("a key that was never stored is there");
  }
}

void update(benchmark::State& state) {
  FilledCache& cache = cache_of(state.range(0));
  std::size_t i = 0;
  for (auto _ : state) cache.put(cache.present(i++));
}

// Keys are stored and deleted in batches; only the deleting is timed.
void invalidate(benchmark::State& state) {
  constexpr std::size_t kBatch = 4096;
  FilledCache& cache = cache_of(state.range(0));
  std::size_t from = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) cache.put(cache.absent(from + i));
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kBatch; ++i) cache.remove(cache.absent(from + i));
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / kBatch);
    from += kBatch;
  }
}

// One cycle through all cells in random order (Sattolo 1986).
void pointer_chase(benchmark::State& state) {
  struct alignas(kItemFootprintBytes) Cell {
    std::uint32_t next;
  };
  std::vector<Cell> cells(static_cast<std::size_t>(state.range(0)));
  for (std::uint32_t i = 0; i < cells.size(); ++i) cells[i].next = i;
  Random random(1);
  for (std::size_t i = cells.size() - 1; i > 0; --i) std::swap(cells[i].next, cells[random.below(i)].next);
  std::uint32_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(at = cells[at].next);
}

BENCHMARK(lookup_hit)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(lookup_miss)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(update)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(invalidate)->Arg(kSmall)->Arg(kLarge)->UseManualTime()->Iterations(500);
BENCHMARK(pointer_chase)->Arg(kSmall)->Arg(kLarge);

}  // namespace

BENCHMARK_MAIN();
