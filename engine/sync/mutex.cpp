#include "engine/sync/mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace strata::sync {
namespace {

// About a microsecond: longer than the sections these locks guard, shorter than falling asleep and being woken.
constexpr int kSpins = 40;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) noexcept {
  const int errno_before = errno;
  ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
  errno = errno_before;
}

std::atomic<RankInversionHandler> inversion_handler = nullptr;

#ifdef STRATA_CHECKED
struct Held {
  const Mutex* mutex;
  const char* name;
  std::uint16_t order;
};
// The ranked locks this thread holds, in the order it took them.
constexpr std::size_t kMostHeld = 32;
thread_local constinit std::array<Held, kMostHeld> held_locks{};
thread_local constinit std::size_t held_count = 0;

void report_inversion(const char* held, const char* wanted) noexcept {
  if (const RankInversionHandler handler = inversion_handler.load(); handler != nullptr) return handler(held, wanted);
  std::fprintf(stderr, "strata: lock order: %s was wanted by a thread that holds %s\n", wanted, held);
  std::abort();
}
#endif

}  // namespace

RankInversionHandler set_rank_inversion_handler(RankInversionHandler handler) noexcept {
  return inversion_handler.exchange(handler);
}

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
  while (state_.exchange(kHeldWithSleepers, std::memory_order_acquire) != kFree) {
    futex(state_, FUTEX_WAIT_PRIVATE, kHeldWithSleepers);
  }
  contentions_.fetch_add(1, std::memory_order_relaxed);
}

void Mutex::wake_one() noexcept { futex(state_, FUTEX_WAKE_PRIVATE, 1); }

#ifdef STRATA_CHECKED
void Mutex::note_taking() noexcept {
  if (order_ == 0) return;
  for (std::size_t index = 0; index < held_count; ++index) {
    if (held_locks[index].order >= order_) report_inversion(held_locks[index].name, name_);
  }
  if (held_count < kMostHeld) held_locks[held_count++] = {.mutex = this, .name = name_, .order = order_};
}

void Mutex::note_given_back() noexcept {
  if (order_ == 0) return;
  for (std::size_t index = held_count; index-- > 0;) {
    if (held_locks[index].mutex != this) continue;
    held_locks[index] = held_locks[--held_count];
    return;
  }
}
#endif

}  // namespace strata::sync
