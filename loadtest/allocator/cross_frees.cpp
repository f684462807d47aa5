#include <atomic>
#include <vector>

#include "loadtest/allocator/block_ring.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// Everything at once: sizes over three orders of magnitude, a quarter of the frees done by the neighbour, threads that die
// and leave blocks behind for their successors.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kPairsPerThread = 250'000;  // of one generation
constexpr unsigned kGenerations = 20;
constexpr std::uint64_t kLivePerThread = 4000;
constexpr std::uint64_t kCrossPercent = 25;
// Short, so that blocks on their way are few beside those in use.
constexpr std::size_t kRingBlocks = 1024;
using Ring = BlockRing<kRingBlocks>;
constexpr std::uint32_t kSmallest = 8;
constexpr std::uint32_t kLargest = 16 * 1024;

struct Plan {
  explicit Plan(const Settings& settings)
      : pairs(scaled(kPairsPerThread, settings, 100)), live(scaled(kLivePerThread, settings, 10)) {}
  std::uint64_t pairs;
  std::uint64_t live;
};

// Blocks on their way to the lane that frees them.
struct Inbox {
  Ring ring;
  std::atomic<bool> closed = false;  // its last thread has ended
};

// What one thread works on; its successor goes on with the same.
struct Lane {
  std::span<Block> blocks;
  Inbox& incoming;
  Inbox& outgoing;
};

bool free_received(const Lane& lane) {
  Block received;
  if (!lane.incoming.ring.try_pop(received)) return false;
  give_back(received);
  return true;
}

// Returns whether the neighbour took the block. Waits for a slow one, or its share of the frees would shrink, and frees its
// own blocks meanwhile, or all might wait for each other.
bool pass_on(const Lane& lane, Block& block) {
  for (Patience patience; !lane.outgoing.ring.try_push(block);) {
    if (lane.outgoing.closed.load(std::memory_order_relaxed)) return false;
    if (!free_received(lane)) patience.wait();
  }
  return true;
}

// Returns how many blocks it left to the neighbour to free.
std::uint64_t replace_blocks(const Lane& lane, std::uint64_t pairs, Random random) {
  std::uint64_t passed_on = 0;
  for (std::uint64_t pair = 0; pair < pairs; ++pair) {
    free_received(lane);
    Block& block = lane.blocks[random.below(lane.blocks.size())];
    if (block.start != nullptr && random.below(100) < kCrossPercent && pass_on(lane, block)) {
      ++passed_on;
    } else {
      give_back(block);
    }
    const auto size_bytes = static_cast<std::uint32_t>(kSmallest + random.below(kLargest - kSmallest + 1));
    block = take_block(size_bytes, static_cast<std::uint32_t>(pair));
  }
  return passed_on;
}

Fields parameters(const Settings& settings) {
  const Plan plan(settings);
  return {{"pairs_per_generation", plan.pairs},        {"generations", std::uint64_t{kGenerations}},
          {"live_blocks_per_thread", plan.live},       {"cross_free_percent", kCrossPercent},
          {"ring_blocks", std::uint64_t{kRingBlocks}}, {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}}};
}

Result run(const Settings& settings) {
  const Plan plan(settings);
  MappedArray<Block> blocks(plan.live * settings.threads);
  std::vector<Inbox> inboxes(settings.threads);
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  std::atomic<std::uint64_t> passed_on = 0;
  const auto elapsed = run_in_generations(settings.threads, kGenerations, [&](unsigned lane, unsigned generation) {
    passed_on += replace_blocks({.blocks = blocks.all().subspan(lane * plan.live, plan.live),
                                 .incoming = inboxes[lane],
                                 .outgoing = inboxes[(lane + 1) % settings.threads]},
                                plan.pairs, Random(std::uint64_t{lane} * kGenerations + generation));
    if (generation + 1 == kGenerations) inboxes[lane].closed = true;
  });
  for (Inbox& inbox : inboxes) {
    for (Block left; inbox.ring.try_pop(left);) give_back(left);
  }
  memory.requested_bytes_live = requested_bytes(blocks.all());
  memory.resident_bytes = resident_bytes();
  for (Block& block : blocks.all()) give_back(block);
  return {.operations = plan.pairs * kGenerations * settings.threads,
          .elapsed = elapsed,
          .memory = memory,
          .details = {{"cross_frees", passed_on.load()}}};
}

}  // namespace

Workload cross_frees() {
  return {.name = "cross-frees",
          .summary = "random sizes to 16 KiB, a quarter freed by the neighbour thread, threads that die",
          .operation = "free+malloc pair",
          .memory_moment = "after the last generation, all arrays full",
          .rows_name = "",
          .threads = {.normal = 0, .least = 2, .most = kMostThreads},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
