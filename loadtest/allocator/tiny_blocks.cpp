#include <array>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// Programs that build and drop small objects all the time (interpreters, big numbers): the shortest path through malloc
// and free. A few blocks live at once, oldest freed first, so that a block is not simply the one just freed.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kPairs = 50'000'000;
constexpr std::uint32_t kSmallest = 8;
constexpr std::uint32_t kLargest = 64;
constexpr std::size_t kWindow = 64;

std::uint64_t pairs_of_thread(const Settings& settings) { return scaled(kPairs, settings, settings.threads) / settings.threads; }

void churn(std::uint64_t pairs, unsigned thread) {
  std::array<Block, kWindow> window;
  Random random(thread);
  for (std::uint64_t pair = 0; pair < pairs; ++pair) {
    Block& oldest = window[pair % kWindow];
    give_back(oldest);
    const auto size_bytes = static_cast<std::uint32_t>(kSmallest + random.below(kLargest - kSmallest + 1));
    oldest = take_block(size_bytes, static_cast<std::uint32_t>(pair));
  }
  for (Block& block : window) give_back(block);
}

Fields parameters(const Settings& settings) {
  return {{"pairs", pairs_of_thread(settings) * settings.threads},
          {"smallest_bytes", std::uint64_t{kSmallest}},
          {"largest_bytes", std::uint64_t{kLargest}},
          {"window_blocks", std::uint64_t{kWindow}}};
}

Result run(const Settings& settings) {
  const std::uint64_t pairs = pairs_of_thread(settings);
  const auto elapsed = run_together(settings.threads, [&](unsigned thread) { churn(pairs, thread); });
  return {.operations = pairs * settings.threads, .elapsed = elapsed};
}

}  // namespace

Workload tiny_blocks() {
  return {.name = "tiny-blocks",
          .summary = "tiny short-lived blocks, a window of live ones, oldest freed first",
          .operation = "malloc+free pair",
          .memory_moment = "",
          .rows_name = "",
          .threads = {.normal = 1, .least = 1, .most = kMostThreads},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
