#pragma once

#include <atomic>
#include <cstdint>

// Waiting for a word of memory to change, asleep in the kernel. What all locks and queues here park on. Leaves errno as it was.
// Thread safety: all functions, from any thread. For threads of one process: a word in shared memory is another word in another process.
namespace strata::sync {

constexpr std::uint32_t kWakeAll = 0x7fffffff;

// How often a lock looks again before it parks: about a microsecond, longer than the sections these locks guard, shorter than falling
// asleep and being woken.
constexpr int kSpins = 40;

// Tells the processor that this thread spins.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Sleeps if `word` holds `value`, until woken. May return for no reason: the caller looks again.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept;
// Wakes up to `count` of the threads that sleep on `word`. Only its address is used: the word may be gone already.
void futex_wake(const std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept;

}  // namespace strata::sync
