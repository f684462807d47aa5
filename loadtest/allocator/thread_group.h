#pragma once

#include <chrono>
#include <functional>

namespace strata::loadtest::allocator {

// Runs body(0) to body(threads - 1) at the same time, each on a thread of its own, and returns the time from the moment all
// of them were ready to the end of the last. A single one runs on the calling thread: programs without threads exist.
std::chrono::nanoseconds run_together(unsigned threads, const std::function<void(unsigned)>& body);

// The same for bodies whose threads die: body(lane, 0), body(lane, 1), ... run one after another, each on a new thread that
// starts when the one before has ended. The start of the threads is part of the time.
std::chrono::nanoseconds run_in_generations(unsigned lanes, unsigned generations,
                                            const std::function<void(unsigned, unsigned)>& body);

}  // namespace strata::loadtest::allocator
