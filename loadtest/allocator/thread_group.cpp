#include "loadtest/allocator/thread_group.h"

#include <algorithm>
#include <latch>
#include <thread>
#include <vector>

namespace strata::loadtest::allocator {

using Clock = std::chrono::steady_clock;

std::chrono::nanoseconds run_together(unsigned threads, const std::function<void(unsigned)>& body) {
  if (threads == 1) {
    const Clock::time_point begin = Clock::now();
    body(0);
    return Clock::now() - begin;
  }
  std::latch ready(static_cast<std::ptrdiff_t>(threads));
  std::latch go(1);
  std::vector<Clock::time_point> ends(threads);
  std::vector<std::thread> group;
  group.reserve(threads);
  for (unsigned index = 0; index < threads; ++index) {
    group.emplace_back([&, index] {
      ready.count_down();
      go.wait();
      body(index);
      ends[index] = Clock::now();
    });
  }
  ready.wait();
  const Clock::time_point begin = Clock::now();
  go.count_down();
  for (std::thread& thread : group) thread.join();
  return *std::max_element(ends.begin(), ends.end()) - begin;
}

std::chrono::nanoseconds run_in_generations(unsigned lanes, unsigned generations,
                                            const std::function<void(unsigned, unsigned)>& body) {
  return run_together(lanes, [&](unsigned lane) {
    for (unsigned generation = 0; generation < generations; ++generation) {
      std::thread([&] { body(lane, generation); }).join();
    }
  });
}

}  // namespace strata::loadtest::allocator
