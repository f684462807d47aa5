#pragma once

#include <chrono>
#include <cstdint>

// Time as the machine tells it. Thread safety: all functions, from any thread.
namespace strata::os {

// Milliseconds since 1970. May jump when the machine's clock is set.
[[nodiscard]] std::int64_t wall_clock_ms() noexcept;

// Nanoseconds since some moment in the past; never goes back.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

// The cheapest clock for measuring short spans: the processor's cycle counter where it runs at a constant rate (x86-64 with an
// invariant TSC), the steady clock elsewhere. Its rate is measured once, during static initialisation, which takes 2 ms; spans
// must not begin before main().
class CycleClock {
 public:
  [[nodiscard]] static std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
    if (kRate.from_cycle_counter) [[likely]]
      return __builtin_ia32_rdtsc();
#endif
    return monotonic_ns();
  }

  // A span between two readings of ticks().
  [[nodiscard]] static std::uint64_t ticks_to_ns(std::uint64_t ticks) noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(ticks) * kRate.ns_per_tick);
  }

  // So that a span of fewer ticks takes fewer nanoseconds. What is too long for a number of ticks is the largest there is. Not before main().
  [[nodiscard]] static std::uint64_t ns_to_ticks(std::uint64_t ns) noexcept {
    constexpr double kMost = 9.2e18;
    const double ticks = static_cast<double>(ns) / kRate.ns_per_tick;
    return ticks < kMost ? static_cast<std::uint64_t>(ticks) : ~std::uint64_t{0};
  }

  [[nodiscard]] static bool uses_cycle_counter() noexcept { return kRate.from_cycle_counter; }

 private:
  struct Rate {
    bool from_cycle_counter = false;
    double ns_per_tick = 1.0;
  };
  static Rate measure() noexcept;
  static const Rate kRate;
};

}  // namespace strata::os
