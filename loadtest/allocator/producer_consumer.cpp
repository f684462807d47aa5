#include <vector>

#include "loadtest/allocator/block_ring.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"

// A pipeline: one thread allocates, the other frees, never the other way round. An allocator must bring freed memory back
// to the thread that needs it, and cheaply.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kBlocks = 20'000'000;
constexpr std::uint32_t kSize = 64;
constexpr std::size_t kRingBlocks = 4096;
using Ring = BlockRing<kRingBlocks>;

// Threads 0, 2, 4, ... produce for 1, 3, 5, ...
unsigned couples(const Settings& settings) { return settings.threads / 2; }

std::uint64_t blocks_of_couple(const Settings& settings) {
  return scaled(kBlocks, settings, couples(settings)) / couples(settings);
}

void produce(Ring& ring, std::uint64_t blocks) {
  for (std::uint64_t index = 0; index < blocks; ++index) ring.push(take_block(kSize, static_cast<std::uint32_t>(index)));
}

void consume(Ring& ring, std::uint64_t blocks) {
  for (std::uint64_t index = 0; index < blocks; ++index) {
    Block block = ring.pop();
    give_back(block);
  }
}

Fields parameters(const Settings& settings) {
  return {{"blocks", blocks_of_couple(settings) * couples(settings)},
          {"size_bytes", std::uint64_t{kSize}},
          {"ring_blocks", std::uint64_t{kRingBlocks}}};
}

Result run(const Settings& settings) {
  const std::uint64_t blocks = blocks_of_couple(settings);
  std::vector<Ring> rings(couples(settings));
  const auto elapsed = run_together(couples(settings) * 2, [&](unsigned thread) {
    Ring& ring = rings[thread / 2];
    thread % 2 == 0 ? produce(ring, blocks) : consume(ring, blocks);
  });
  return {.operations = blocks * couples(settings), .elapsed = elapsed};
}

}  // namespace

Workload producer_consumer() {
  return {.name = "producer-consumer",
          .summary = "every block is freed by the other thread of a couple; passed on through a bounded ring",
          .operation = "malloc+free pair",
          .memory_moment = "",
          .rows_name = "",
          .threads = {.normal = 2, .least = 2, .most = kMostThreads, .step = 2},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
