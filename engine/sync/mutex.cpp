#include "engine/sync/mutex.h"

#include "engine/sync/futex.h"

namespace strata::sync {

void Mutex::lock_contended() noexcept {
  for (int spin = 0; spin < kSpins; ++spin) {
    pause();
    std::uint32_t expected = kFree;
    if (state_.load(std::memory_order_relaxed) == kFree &&
        state_.compare_exchange_weak(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) {
      contentions_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  // From here on this thread may not know of other sleepers any more, so it always leaves the word saying that there are some.
  while (state_.exchange(kHeldWithSleepers, std::memory_order_acquire) != kFree) futex_wait(state_, kHeldWithSleepers);
  contentions_.fetch_add(1, std::memory_order_relaxed);
}

void Mutex::wake_one() noexcept { futex_wake(state_, 1); }

}  // namespace strata::sync
