#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// A server whose threads come and go (after Larson and Krishnan 1998): each thread replaces random blocks of its array,
// then ends and leaves the array to a new thread, which frees what its predecessor allocated. At the start the blocks of
// all arrays were allocated in turn by one thread.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kBlocksPerThread = 5000;
constexpr std::uint64_t kRounds = 100;  // of a thread's life; a round replaces as many blocks as the array holds
constexpr unsigned kGenerations = 40;
constexpr std::uint32_t kSmallest = 8;
constexpr std::uint32_t kLargest = 1000;

struct Plan {
  explicit Plan(const Settings& settings) : blocks(scaled(kBlocksPerThread, settings, 10)), rounds(scaled(kRounds, settings)) {}
  std::uint64_t blocks;
  std::uint64_t rounds;
};

std::uint32_t random_size(Random& random) {
  return static_cast<std::uint32_t>(kSmallest + random.below(kLargest - kSmallest + 1));
}

void replace_blocks(std::span<Block> blocks, std::uint64_t replacements, Random random) {
  for (std::uint64_t done = 0; done < replacements; ++done) {
    Block& block = blocks[random.below(blocks.size())];
    give_back(block);
    block = take_block(random_size(random), static_cast<std::uint32_t>(done));
  }
}

Fields parameters(const Settings& settings) {
  const Plan plan(settings);
  return {{"blocks_per_thread", plan.blocks},
          {"rounds_per_generation", plan.rounds},
          {"generations", std::uint64_t{kGenerations}},
          {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}}};
}

Result run(const Settings& settings) {
  const Plan plan(settings);
  MappedArray<Block> blocks(plan.blocks * settings.threads);
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  Random random(1);
  for (std::uint64_t index = 0; index < plan.blocks; ++index) {
    for (unsigned lane = 0; lane < settings.threads; ++lane) {
      blocks[lane * plan.blocks + index] = take_block(random_size(random), static_cast<std::uint32_t>(index));
    }
  }
  const std::uint64_t replacements = plan.rounds * plan.blocks;
  const auto elapsed = run_in_generations(settings.threads, kGenerations, [&](unsigned lane, unsigned generation) {
    replace_blocks(blocks.all().subspan(lane * plan.blocks, plan.blocks), replacements,
                   Random(2 + std::uint64_t{lane} * kGenerations + generation));
  });
  memory.requested_bytes_live = requested_bytes(blocks.all());
  memory.resident_bytes = resident_bytes();
  for (Block& block : blocks.all()) give_back(block);
  return {.operations = replacements * kGenerations * settings.threads, .elapsed = elapsed, .memory = memory};
}

}  // namespace

Workload larson_churn() {
  return {.name = "larson-churn",
          .summary = "threads replace random blocks and end; new threads take their blocks over",
          .operation = "free+malloc pair",
          .memory_moment = "after the last generation, all arrays full",
          .rows_name = "",
          .threads = {.normal = 0, .least = 1, .most = kMostThreads},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
