#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "server/commands/closer_look.h"

namespace strata::server {

// Times at which something took long, by what it was: what LATENCY tells of. Off until there is a threshold.
// Thread safety: all functions, from any thread. To find that nothing is to be noted costs one load that nobody writes.
class LatencyMonitor {
 public:
  // Commands of constant or logarithmic time, and others; how late an event loop came to its timer.
  enum class Event : std::uint8_t { command, fast_command, loop_lag };
  static constexpr std::array<std::string_view, 3> kNames{"command", "fast-command", "loop-lag"};
  static constexpr std::size_t kSamples = 160;  // kept of each, as Redis does

  struct Sample {
    std::int64_t at_s = 0;
    std::uint64_t ms = 0;  // the longest of that second
  };
  struct History {
    std::vector<Sample> samples;  // the oldest first
    std::uint64_t longest_ms = 0;
  };

  // It asks `look` for the commands it may have to note.
  explicit LatencyMonitor(CloserLook& look) : look_(look) {}

  // 0: nothing is noted.
  void set_threshold_ms(std::int64_t ms);
  [[nodiscard]] bool is_on() const noexcept { return at_ns_.load(std::memory_order_relaxed) != CloserLook::kNever; }
  [[nodiscard]] bool notes(std::uint64_t nanoseconds) const noexcept {
    return nanoseconds >= at_ns_.load(std::memory_order_relaxed);
  }
  // REQUIRES: notes(nanoseconds)
  void note(Event event, std::uint64_t nanoseconds, std::int64_t now_ms) { add(event, nanoseconds / 1'000'000, now_ms / 1000); }

  [[nodiscard]] History history(Event event) const;
  // False: there was nothing.
  bool reset(Event event);

 private:
  void add(Event event, std::uint64_t ms, std::int64_t now_s);

  CloserLook& look_;
  std::atomic<std::uint64_t> at_ns_{CloserLook::kNever};
  mutable std::mutex mutex_;
  std::array<History, kNames.size()> histories_;
};

}  // namespace strata::server
