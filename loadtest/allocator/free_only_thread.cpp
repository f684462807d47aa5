#include <barrier>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// A thread that frees everything and never allocates, as a background reclaimer does: it has no heap of its own that
// would put the memory back to use. In each round all others allocate, then that thread frees. Strictly in turn, so that
// the memory left over is a property of the allocator and not of who was faster.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kRounds = 100;
constexpr std::uint64_t kBlocksPerProducer = 50'000;
constexpr std::uint32_t kSmallest = 16;
constexpr std::uint32_t kLargest = 512;

std::uint64_t blocks_per_producer(const Settings& settings) { return scaled(kBlocksPerProducer, settings, 100); }

void fill(std::span<Block> blocks, Random& random) {
  std::uint32_t serial = 0;
  for (Block& block : blocks) {
    const auto size_bytes = static_cast<std::uint32_t>(kSmallest + random.below(kLargest - kSmallest + 1));
    block = take_block(size_bytes, serial++);
  }
}

// Each producer's blocks in its own order, the producers in turn: the order of a queue.
void free_all(std::span<Block> blocks, std::uint64_t per_producer) {
  for (std::uint64_t index = 0; index < per_producer; ++index) {
    for (std::uint64_t at = index; at < blocks.size(); at += per_producer) give_back(blocks[at]);
  }
}

Fields parameters(const Settings& settings) {
  return {{"rounds", kRounds},
          {"producers", std::uint64_t{settings.threads - 1}},
          {"blocks_per_producer", blocks_per_producer(settings)},
          {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}}};
}

Fields moment(const char* name, const MemoryUse& memory) {
  return {{"moment", name}, {"requested_bytes_live", memory.requested_bytes_live}, {"resident_bytes", memory.resident_bytes}};
}

Result run(const Settings& settings) {
  const unsigned producers = settings.threads - 1;
  const std::uint64_t per_producer = blocks_per_producer(settings);
  MappedArray<Block> blocks(per_producer * producers);
  const std::uint64_t at_start = resident_bytes();
  MemoryUse full{.resident_at_start_bytes = at_start};
  MemoryUse freed{.resident_at_start_bytes = at_start};
  std::chrono::nanoseconds reading{0};
  // Only called while all other threads wait, so that it can be taken out of the time.
  const auto read_memory = [&](MemoryUse& memory) {
    const auto begin = std::chrono::steady_clock::now();
    memory.requested_bytes_live = requested_bytes(blocks.all());
    memory.resident_bytes = resident_bytes();
    reading += std::chrono::steady_clock::now() - begin;
  };
  std::barrier turn(static_cast<std::ptrdiff_t>(settings.threads));
  const auto elapsed = run_together(settings.threads, [&](unsigned thread) {
    Random random(thread);
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const bool last = round + 1 == kRounds;
      if (thread < producers) fill(blocks.all().subspan(thread * per_producer, per_producer), random);
      turn.arrive_and_wait();
      if (thread == producers) {
        if (last) read_memory(full);
        free_all(blocks.all(), per_producer);
        if (last) read_memory(freed);
      }
      turn.arrive_and_wait();
    }
  });
  return {.operations = per_producer * producers * kRounds,
          .elapsed = elapsed - reading,
          .memory = full,
          .rows = {moment("all blocks live", full), moment("all blocks freed, no thread ended", freed)}};
}

}  // namespace

Workload free_only_thread() {
  return {.name = "free-only-thread",
          .summary = "several threads allocate, one that never allocates frees everything, in turn",
          .operation = "malloc+free pair",
          .memory_moment = "in the last round, all blocks live",
          .rows_name = "moments",
          .threads = {.normal = 5, .least = 2, .most = kMostThreads},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
