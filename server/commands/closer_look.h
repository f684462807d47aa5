#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "engine/api/strata.hpp"

namespace strata::server {

// Whether a command has to be looked at more closely than to count it. Almost none has, and that is found out by comparing its time, its reply and its
// request with the least that any asks for who tell of commands: numbers on one line that hardly ever changes, however many ask.
// Thread safety: all functions, from any thread. Not to be made before main(): CycleClock has no rate yet.
class CloserLook {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  // Whoever wants to see a command sees those that come up to one of these, and perhaps others: it has to look itself.
  struct From {
    std::uint64_t nanoseconds = kNever;
    std::uint64_t reply_bytes = kNever;
    std::uint64_t request_bytes = kNever;
  };
  enum class Asker : std::uint8_t { latency_monitor, log, monitors };

  CloserLook() noexcept = default;
  CloserLook(const CloserLook&) = delete;
  CloserLook& operator=(const CloserLook&) = delete;

  // In place of what it asked for before.
  void ask(Asker asker, const From& from) {
    const std::scoped_lock lock(mutex_);
    asked_[static_cast<std::size_t>(asker)] = from;
    From least;
    for (const From& each : asked_) {
      least.nanoseconds = std::min(least.nanoseconds, each.nanoseconds);
      least.reply_bytes = std::min(least.reply_bytes, each.reply_bytes);
      least.request_bytes = std::min(least.request_bytes, each.request_bytes);
    }
    usual_ticks_.store(CycleClock::ns_to_ticks(std::min(least.nanoseconds, kUsualNs)), std::memory_order_relaxed);
    ticks_.store(CycleClock::ns_to_ticks(least.nanoseconds), std::memory_order_relaxed);
    reply_bytes_.store(least.reply_bytes, std::memory_order_relaxed);
    request_bytes_.store(least.request_bytes, std::memory_order_relaxed);
  }

  // An upper bound of the size of a request or a reply will do.
  [[nodiscard]] bool is_due_for_request(std::uint64_t bytes) const noexcept {
    return bytes >= request_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_due_for_reply(std::uint64_t bytes) const noexcept {
    return bytes >= reply_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_due_for_time(std::uint64_t ticks) const noexcept {
    return ticks >= ticks_.load(std::memory_order_relaxed);
  }
  // Whether it took less than a microsecond, the first bucket of a histogram, as most do, and nobody asks for one that took as long.
  [[nodiscard]] bool is_usual(std::uint64_t ticks) const noexcept { return ticks < usual_ticks_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kAskers = 3;
  static constexpr std::uint64_t kUsualNs = 1000;
  static constexpr std::size_t kLineBytes = 64;

  alignas(kLineBytes) std::atomic<std::uint64_t> usual_ticks_{CycleClock::ns_to_ticks(kUsualNs)};
  std::atomic<std::uint64_t> ticks_{kNever}, reply_bytes_{kNever}, request_bytes_{kNever};
  alignas(kLineBytes) std::mutex mutex_;
  std::array<From, kAskers> asked_;
};

}  // namespace strata::server
