#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// Buffers of many MiB, one byte of each page written: the price of fresh pages against the memory kept for the next one.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kRounds = 2000;
constexpr std::uint64_t kLive = 20;
constexpr std::uint32_t kSmallest = 5 << 20;
constexpr std::uint32_t kLargest = 25 << 20;

std::uint64_t rounds(const Settings& settings) { return scaled(kRounds, settings, 5); }
std::uint64_t live_blocks(const Settings& settings) { return scaled(kLive, settings, 2); }

Fields parameters(const Settings& settings) {
  return {{"rounds", rounds(settings)},
          {"live_blocks", live_blocks(settings)},
          {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}},
          {"touched", "one byte of every page"}};
}

Result run(const Settings& settings) {
  MappedArray<Block> blocks(live_blocks(settings));
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  const std::uint64_t operations = rounds(settings);
  const auto elapsed = run_together(1, [&](unsigned) {
    Random random(1);
    for (std::uint64_t round = 0; round < operations; ++round) {
      Block& block = blocks[random.below(blocks.all().size())];
      give_back(block);
      const auto size_bytes = static_cast<std::uint32_t>(kSmallest + random.below(kLargest - kSmallest + 1));
      block = take_block(size_bytes, static_cast<std::uint32_t>(round));
    }
  });
  memory.requested_bytes_live = requested_bytes(blocks.all());
  memory.resident_bytes = resident_bytes();
  for (Block& block : blocks.all()) give_back(block);
  return {.operations = operations, .elapsed = elapsed, .memory = memory};
}

}  // namespace

Workload large_blocks() {
  return {.name = "large-blocks",
          .summary = "random replacement of blocks of many MiB, every page touched",
          .operation = "free+malloc pair",
          .memory_moment = "after the last round",
          .rows_name = "",
          .threads = {.normal = 1, .least = 1, .most = 1},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
