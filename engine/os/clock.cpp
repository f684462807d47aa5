#include "engine/os/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace strata::os {

namespace {

#if defined(__x86_64__)

constexpr std::uint64_t kCalibrationNs = 2'000'000;

// "Invariant TSC": the counter keeps its rate whatever the power state.
bool cycle_counter_is_constant() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0x80000007U, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1U << 8U)) != 0;
}

struct Reading {
  std::uint64_t ticks;
  std::uint64_t ns;
};

// Both clocks at one moment: of several attempts the one with the least time between its counter readings, so that being
// preempted in the middle does no harm.
Reading read_both() noexcept {
  Reading best{0, 0};
  std::uint64_t best_gap = ~std::uint64_t{0};
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = __builtin_ia32_rdtsc();
    const std::uint64_t ns = monotonic_ns();
    const std::uint64_t gap = __builtin_ia32_rdtsc() - before;
    if (gap < best_gap) {
      best_gap = gap;
      best = {before + gap / 2, ns};
    }
  }
  return best;
}

#endif

}  // namespace

const CycleClock::Rate CycleClock::kRate = CycleClock::measure();

std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t monotonic_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

CycleClock::Rate CycleClock::measure() noexcept {
#if defined(__x86_64__)
  if (cycle_counter_is_constant()) {
    const Reading begin = read_both();
    Reading end = begin;
    while (end.ns - begin.ns < kCalibrationNs) end = read_both();
    if (end.ticks > begin.ticks) {
      return {true, static_cast<double>(end.ns - begin.ns) / static_cast<double>(end.ticks - begin.ticks)};
    }
  }
#endif
  return {};
}

}  // namespace strata::os
