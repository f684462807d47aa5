// In-process operations of the cache, one thread, keys of 16 bytes and values of 64, beside a chase of dependent loads over as much
// memory: no lookup that must touch an unpredictable line can be faster than that, unless several are under way at once (lookup_batch).
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
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
constexpr std::int64_t kSmall = 10'000;
constexpr std::int64_t kLarge = 10'000'000;
constexpr std::size_t kBatch = 16;
// Keys are asked for in a random order of this length, again and again: so many of a small cache that they stay near the processor, of a large one
// so many that their items do not. A power of two: a division would cost a tenth of a lookup.
constexpr std::size_t order_of(std::uint64_t items) { return items > 1'000'000 ? std::size_t{1} << 20U : std::size_t{1} << 14U; }

class FilledCache {
 public:
  explicit FilledCache(std::uint64_t items)
      : order_(order_of(items)), cache_({}, {.max_memory_bytes = 8ULL << 30, .policy = strata::Policy::noeviction}) {
    session_ = cache_.open_session();
    session_->begin_slice();
    std::string problem;
    const auto format = KeyFormat::make("key:", kKeyBytes, 2 * items, problem);
    for (std::uint64_t i = 0; i < items; ++i) {
      put(format->text(i));
      if (i % kBatch == 0) quiescent();
    }
    Random random(1);
    for (std::size_t i = 0; i < order_; ++i) {
      present_ += format->text(random.below(items));
      absent_ += format->text(items + random.below(items));
    }
  }

  [[nodiscard]] std::string_view present(std::size_t i) const { return nth(present_, i); }
  [[nodiscard]] std::string_view absent(std::size_t i) const { return nth(absent_, i); }

  bool get(std::string_view key) {
    return cache_.read(*session_, cache_.key(0, key),
                       [](const strata::ItemView& item) { benchmark::DoNotOptimize(item.value.data()[0]); });
  }
  bool get_batch(std::size_t first) {
    std::array<strata::Key, kBatch> keys;
    for (std::size_t i = 0; i < kBatch; ++i) keys[i] = cache_.key(0, present(first + i));
    cache_.prefetch(keys);
    bool all = true;
    for (const strata::Key& key : keys)
      all &= cache_.read(*session_, key, [](const strata::ItemView& item) { benchmark::DoNotOptimize(item.value.data()[0]); });
    return all;
  }
  void quiescent() { session_->quiescent(); }
  void put(std::string_view key) { cache_.put(*session_, cache_.key(0, key), value_, strata::kNoExpiry); }
  void remove(std::string_view key) {
    bool was_there = false;
    cache_.remove(*session_, cache_.key(0, key), was_there);
    benchmark::DoNotOptimize(was_there);
  }

 private:
  [[nodiscard]] std::string_view nth(const std::string& keys, std::size_t i) const {
    return {keys.data() + (i & (order_ - 1)) * kKeyBytes, kKeyBytes};
  }

  std::size_t order_;
  strata::Cache cache_;
  std::unique_ptr<strata::Session> session_;
  std::string value_ = std::string(kValueBytes, 'v');
  std::string present_;  // keys, one behind the other
  std::string absent_;
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

// An item of a batch: hashed and looked for together, as a server does with what a client sends at once.
void lookup_batch(benchmark::State& state) {
  FilledCache& cache = cache_of(state.range(0));
  std::size_t i = 0;
  while (state.KeepRunningBatch(kBatch)) {
    if (!cache.get_batch(i)) state.SkipWithError("a key that was stored is missing");
    i += kBatch;
    cache.quiescent();
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
  for (auto _ : state) {
    cache.put(cache.present(i++));
    if (i % kBatch == 0) cache.quiescent();
  }
}

// Keys are stored and deleted in batches; only the deleting is timed.
void invalidate(benchmark::State& state) {
  constexpr std::size_t kMany = 4096;
  FilledCache& cache = cache_of(state.range(0));
  std::size_t from = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kMany; ++i) {
      cache.put(cache.absent(from + i));
      if (i % kBatch == 0) cache.quiescent();
    }
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kMany; ++i) {
      cache.remove(cache.absent(from + i));
      if (i % kBatch == 0) cache.quiescent();
    }
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / kMany);
    from += kMany;
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
BENCHMARK(lookup_batch)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(lookup_miss)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(update)->Arg(kSmall)->Arg(kLarge);
BENCHMARK(invalidate)->Arg(kSmall)->Arg(kLarge)->UseManualTime()->Iterations(500);
BENCHMARK(pointer_chase)->Arg(kSmall)->Arg(kLarge);

}  // namespace

BENCHMARK_MAIN();
