#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "engine/api/strata.hpp"

namespace strata::server {

// Whether a command that is over has to be looked at more closely than to count it. Almost none has, and that is found out by comparing its time, its
// reply and its words with the least that any asks for who tell of commands: numbers on one line that hardly ever changes, however many ask.
// Thread safety: all functions, from any thread. Not to be made before main(): CycleClock has no rate yet.
class CloserLook {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  // Whoever wants to see a command sees those that come up to one of these, and perhaps others: it has to look itself.
  struct From {
    std::uint64_t nanoseconds = kNever;
    std::uint64_t reply_bytes = kNever;
    std::uint64_t words = kNever;
  };
  enum class Asker : std::uint8_t { latency_monitor, log, monitors };

  CloserLook() noexcept : usual_ticks_(CycleClock::ns_to_ticks(kUsualNs)) {}
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
      least.words = std::min(least.words, each.words);
    }
    ticks_.store(CycleClock::ns_to_ticks(least.nanoseconds), std::memory_order_relaxed);
    reply_bytes_.store(least.reply_bytes, std::memory_order_relaxed);
    words_.store(least.words, std::memory_order_relaxed);
  }

  // `reply_bytes`: of the reply, or more. `large_words`: how many lie apart because they are large; these are always looked at.
  [[nodiscard]] bool is_due(std::uint64_t ticks, std::uint64_t reply_bytes, std::size_t words,
                            std::size_t large_words) const noexcept {
    return ticks >= ticks_.load(std::memory_order_relaxed) || reply_bytes >= reply_bytes_.load(std::memory_order_relaxed) ||
           words >= words_.load(std::memory_order_relaxed) || large_words != 0;
  }
  // Whether it took less than a microsecond, as most do: the first bucket of a histogram.
  [[nodiscard]] bool is_usual(std::uint64_t ticks) const noexcept { return ticks < usual_ticks_; }

 private:
  static constexpr std::size_t kAskers = 3;
  static constexpr std::uint64_t kUsualNs = 1000;
  static constexpr std::size_t kLineBytes = 64;

  alignas(kLineBytes) const std::uint64_t usual_ticks_;
  std::atomic<std::uint64_t> ticks_{kNever}, reply_bytes_{kNever}, words_{kNever};
  alignas(kLineBytes) std::mutex mutex_;
  std::array<From, kAskers> asked_;
};

}  // namespace strata::server
