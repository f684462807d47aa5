// A block taken and given back, through the C functions that programs call, one thread, blocks of 64 bytes: by pools of each kind,
// by a heap of one's own, by the process' allocator, and by the C library's malloc.
//
//   pair      one block, taken and given back
//   replace   20,000 blocks in use; at random one goes and another one comes. Its first word is written and read
//   fill      10,000 blocks taken, then all given back: at once where the source can, else one by one
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "engine/api/pool.h"
#include "loadtest/random.h"

namespace {

using strata::loadtest::Random;

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kInUse = 20'000;
constexpr std::size_t kFill = 10'000;

template <strata_pool_kind kind, strata_pool_lock lock>
class FromPool {
 public:
  FromPool() {
    strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
    options.kind = kind;
    options.lock = lock;
    options.block_bytes = kind == STRATA_POOL_FIXED ? kBlockBytes : 0;
    if (strata_pool_create(&options, &pool_) != STRATA_OK) std::abort();
  }
  ~FromPool() { strata_pool_destroy(pool_); }
  FromPool(const FromPool&) = delete;
  FromPool& operator=(const FromPool&) = delete;

  void* take() { return strata_pool_malloc(pool_, kBlockBytes); }
  void give_back(void* block) { strata_pool_free(pool_, block); }
  void give_all_back() { (void)strata_pool_reset(pool_); }

 private:
  strata_pool* pool_ = nullptr;
};

template <strata_heap_strategy strategy>
class FromHeap {
 public:
  FromHeap() {
    strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
    options.strategy = strategy;
    heap_ = strata_heap_create(&options);
    if (heap_ == nullptr) std::abort();
  }
  ~FromHeap() { strata_heap_destroy(heap_); }
  FromHeap(const FromHeap&) = delete;
  FromHeap& operator=(const FromHeap&) = delete;

  void* take() { return strata_heap_malloc(heap_, kBlockBytes); }
  void give_back(void* block) { strata_heap_free(heap_, block); }
  void give_all_back() { (void)strata_heap_reset(heap_); }

 private:
  strata_heap* heap_ = nullptr;
};

struct FromProcess {
  void* take() { return strata_malloc(kBlockBytes); }
  void give_back(void* block) { strata_free(block); }
};

struct FromCLibrary {
  void* take() { return std::malloc(kBlockBytes); }
  void give_back(void* block) { std::free(block); }
};

template <typename Source>
void pair(benchmark::State& state) {
  Source source;
  for (auto _ : state) {
    void* block = source.take();
    benchmark::DoNotOptimize(block);
    source.give_back(block);
  }
}

template <typename Source>
void replace(benchmark::State& state) {
  Source source;
  Random random(1);
  std::vector<void*> blocks(kInUse);
  for (void*& block : blocks) block = source.take();
  for (auto _ : state) {
    void*& block = blocks[random.below(kInUse)];
    source.give_back(block);
    block = source.take();
    *static_cast<volatile std::uint64_t*>(block) = 1;
  }
  for (void* block : blocks) source.give_back(block);
}

template <typename Source>
void fill(benchmark::State& state) {
  Source source;
  std::vector<void*> blocks(kFill);
  for (auto _ : state) {
    for (void*& block : blocks) block = source.take();
    if constexpr (requires { source.give_all_back(); }) {
      source.give_all_back();
    } else {
      for (void* block : blocks) source.give_back(block);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFill));
}

using FixedUnlocked = FromPool<STRATA_POOL_FIXED, STRATA_POOL_UNLOCKED>;
using Fixed = FromPool<STRATA_POOL_FIXED, STRATA_POOL_LOCKED>;
using Segment = FromPool<STRATA_POOL_SEGMENT, STRATA_POOL_LOCKED>;
using ArenaUnlocked = FromPool<STRATA_POOL_ARENA, STRATA_POOL_UNLOCKED>;
using Arena = FromPool<STRATA_POOL_ARENA, STRATA_POOL_LOCKED>;
using HeapOfClasses = FromHeap<STRATA_HEAP_SIZE_CLASS>;
using HeapArena = FromHeap<STRATA_HEAP_ARENA>;

BENCHMARK_TEMPLATE(pair, FixedUnlocked);
BENCHMARK_TEMPLATE(pair, Fixed);
BENCHMARK_TEMPLATE(pair, Segment);
BENCHMARK_TEMPLATE(pair, HeapOfClasses);
BENCHMARK_TEMPLATE(pair, FromProcess);
BENCHMARK_TEMPLATE(pair, FromCLibrary);
BENCHMARK_TEMPLATE(replace, FixedUnlocked);
BENCHMARK_TEMPLATE(replace, Fixed);
BENCHMARK_TEMPLATE(replace, Segment);
BENCHMARK_TEMPLATE(replace, HeapOfClasses);
BENCHMARK_TEMPLATE(replace, FromProcess);
BENCHMARK_TEMPLATE(replace, FromCLibrary);
BENCHMARK_TEMPLATE(fill, FixedUnlocked);
BENCHMARK_TEMPLATE(fill, ArenaUnlocked);
BENCHMARK_TEMPLATE(fill, Arena);
BENCHMARK_TEMPLATE(fill, HeapArena);
BENCHMARK_TEMPLATE(fill, HeapOfClasses);
BENCHMARK_TEMPLATE(fill, FromProcess);
BENCHMARK_TEMPLATE(fill, FromCLibrary);

}  // namespace

BENCHMARK_MAIN();
