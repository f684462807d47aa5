#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>

#include "loadtest/report/recorder.h"

namespace strata::loadtest {

inline std::uint64_t now_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(time.tv_nsec);
}

// Processor time of the calling thread.
inline std::uint64_t thread_cpu_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(time.tv_nsec);
}

// The course of a run, in nanoseconds of the steady clock: warm-up, then the seconds that count.
struct Window {
  std::uint64_t begin_ns = 0;  // of what is measured
  std::uint64_t end_ns = 0;    // no request is sent from here on

  static Window from(std::uint64_t start_ns, std::chrono::milliseconds warmup, std::chrono::milliseconds duration) noexcept {
    const auto ns = [](std::chrono::milliseconds ms) { return static_cast<std::uint64_t>(ms.count()) * 1'000'000ULL; };
    return {start_ns + ns(warmup), start_ns + ns(warmup) + ns(duration)};
  }
};

// One thread's way through the window: forgets the warm-up, cuts the series into seconds, adds up processor time.
// Thread safety: one thread at a time.
class RunClock {
 public:
  explicit RunClock(Recorder& recorder) : recorder_(recorder) {}

  void start(const Window& window) noexcept {
    window_ = window;
    next_tick_ns_ = window.begin_ns;
    cpu_at_begin_ns_ = thread_cpu_ns();
  }
  // To be called with every new time; costs a comparison.
  void pass(std::uint64_t now) {
    if (now >= next_tick_ns_) tick(now);
  }
  // The last request is answered or given up.
  void finish(std::uint64_t now) {
    pass(now);
    finished_ns_ = now;
    cpu_ns_ = thread_cpu_ns() - cpu_at_begin_ns_;
    if (measuring_) recorder_.end_second();
  }

  [[nodiscard]] const Window& window() const noexcept { return window_; }
  // From the beginning of what is measured until finish().
  [[nodiscard]] std::uint64_t elapsed_ns() const noexcept {
    return finished_ns_ > window_.begin_ns ? finished_ns_ - window_.begin_ns : 0;
  }
  [[nodiscard]] std::uint64_t cpu_ns() const noexcept { return cpu_ns_; }

 private:
  static constexpr std::uint64_t kSecondNs = 1'000'000'000;

  void tick(std::uint64_t now) {
    if (!measuring_) {
      measuring_ = true;
      recorder_.clear();
      cpu_at_begin_ns_ = thread_cpu_ns();
      next_tick_ns_ += kSecondNs;
    }
    // Seconds in which the thread was stuck are seconds without replies.
    for (; now >= next_tick_ns_; next_tick_ns_ += kSecondNs) recorder_.end_second();
  }

  Recorder& recorder_;
  Window window_;
  bool measuring_ = false;
  std::uint64_t next_tick_ns_ = 0;
  std::uint64_t cpu_at_begin_ns_ = 0;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t finished_ns_ = 0;
};

}  // namespace strata::loadtest
