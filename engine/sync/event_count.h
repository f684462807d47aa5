#pragma once

#include <atomic>
#include <cstdint>

#include "engine/sync/full_fence.h"
#include "engine/sync/futex.h"

namespace strata::sync {

// Lets threads sleep until a condition that needs no lock may hold, after D. Vyukov's event counts. 8 bytes. Who makes the condition true
// calls notify: a fence and a load while nobody waits. Who waits:
//
//   while (!condition()) {
//     const EventCount::Ticket ticket = event.prepare();
//     if (condition()) { event.cancel(); break; }
//     event.wait(ticket);
//   }
//
// No wake-up is lost: prepare() and notify() each write (the count of waiters; the condition), fence, and read the other's. Either the
// waiter's second look sees the condition, or the notifier sees a waiter; then it moves the count on, and a ticket drawn before is
// not slept on.
class EventCount {
 public:
  using Ticket = std::uint32_t;

  constexpr EventCount() = default;
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;

  // From here on notifications count for this thread, until wait() or cancel(), one of which must follow.
  [[nodiscard]] Ticket prepare() noexcept {
    waiters_.fetch_add(1, std::memory_order_relaxed);
    full_fence();
    return count_.load(std::memory_order_acquire);
  }
  // Sleeps until something was notified since prepare(), perhaps less long.
  void wait(Ticket ticket) noexcept {
    futex_wait(count_, ticket);
    cancel();
  }
  void cancel() noexcept { waiters_.fetch_sub(1, std::memory_order_relaxed); }

  // Enough where any waiter can use what there is now, and it is enough for one.
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(kWakeAll); }

 private:
  void notify(std::uint32_t most) noexcept {
    full_fence();
    if (waiters_.load(std::memory_order_relaxed) == 0) return;
    count_.fetch_add(1, std::memory_order_release);
    futex_wake(count_, most);
  }

  std::atomic<std::uint32_t> count_ = 0;
  std::atomic<std::uint32_t> waiters_ = 0;
};
static_assert(sizeof(EventCount) == 8);

}  // namespace strata::sync
