#include <cmath>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// A large heap of mostly small blocks, replaced at random: misses in every cache of the processor, and memory per block
// that nobody can hide.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kLive = 1'000'000;
constexpr std::uint64_t kPairs = 20'000'000;
constexpr std::uint32_t kSmallest = 16;
constexpr std::uint32_t kLargest = 1024;
constexpr double kAlpha = 1.0;
constexpr std::size_t kTableSize = std::size_t{1} << 16;

std::uint64_t live_blocks(const Settings& settings) { return scaled(kLive, settings, 100); }
std::uint64_t pairs(const Settings& settings) { return scaled(kPairs, settings, 100); }

// Quantiles of the Pareto distribution cut off at the largest size, so that drawing a size costs one look-up.
void fill_quantiles(std::span<std::uint16_t> table) {
  const double cut = std::pow(static_cast<double>(kSmallest) / kLargest, kAlpha);
  for (std::size_t index = 0; index < table.size(); ++index) {
    const double share = (static_cast<double>(index) + 0.5) / static_cast<double>(table.size());
    table[index] = static_cast<std::uint16_t>(kSmallest / std::pow(1 - share * (1 - cut), 1 / kAlpha));
  }
}

Fields parameters(const Settings& settings) {
  return {{"live_blocks", live_blocks(settings)},
          {"pairs", pairs(settings)},
          {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}},
          {"alpha", kAlpha}};
}

Result run(const Settings& settings) {
  MappedArray<std::uint16_t> sizes(kTableSize);
  fill_quantiles(sizes.all());
  MappedArray<Block> blocks(live_blocks(settings));
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  Random random(1);
  const auto take_random = [&](std::uint64_t serial) {
    return take_block(sizes[random.below(kTableSize)], static_cast<std::uint32_t>(serial));
  };
  for (Block& block : blocks.all()) block = take_random(0);
  const std::uint64_t count = pairs(settings);
  const auto elapsed = run_together(1, [&](unsigned) {
    for (std::uint64_t pair = 0; pair < count; ++pair) {
      Block& block = blocks[random.below(blocks.all().size())];
      give_back(block);
      block = take_random(pair);
    }
  });
  memory.requested_bytes_live = requested_bytes(blocks.all());
  memory.resident_bytes = resident_bytes();
  for (Block& block : blocks.all()) give_back(block);
  return {.operations = count, .elapsed = elapsed, .memory = memory};
}

}  // namespace

Workload pareto_sizes() {
  return {.name = "pareto-sizes",
          .summary = "a million live blocks with Pareto sizes to 1 KiB, replaced at random",
          .operation = "free+malloc pair",
          .memory_moment = "after the last replacement, all blocks live",
          .rows_name = "",
          .threads = {.normal = 1, .least = 1, .most = 1},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
