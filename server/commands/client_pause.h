#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "server/commands/command_gate.h"

namespace strata::server {

// CLIENT PAUSE: commands wait, those that write or all, until a time. A pause that is asked for while another is on can make it longer and stricter, not
// shorter or milder: as Redis has it. It keeps the gate shut while it is on, and until somebody finds that it is over. Thread safety: all functions, from any thread.
class ClientPause {
 public:
  enum class Of : std::uint8_t { writes, everything };

  explicit ClientPause(CommandGate& gate) noexcept : gate_(gate) {}

  // How much longer a command waits, in milliseconds; 0: it does not.
  [[nodiscard]] std::int64_t remaining_ms(bool is_write, std::int64_t now_ms) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const auto until_ms = static_cast<std::int64_t>(word >> 1U);
    return until_ms > now_ms && (is_write || (word & kEverything) != 0) ? until_ms - now_ms : 0;
  }
  void begin(Of of, std::int64_t until_ms, std::int64_t now_ms);
  void end() noexcept;
  // Opens the gate if it is over; whoever was not let through asks for that.
  void end_if_over(std::int64_t now_ms) noexcept;

  // Requests that wait for it now.
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  void count_held(std::int64_t more) noexcept { held_.fetch_add(static_cast<std::uint64_t>(more), std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t kEverything = 1;

  void set(std::uint64_t word) noexcept;  // REQUIRES: mutex_ is held

  CommandGate& gate_;
  std::mutex mutex_;                    // of who begins and ends
  std::atomic<std::uint64_t> word_{0};  // the time it ends, times 2, and kEverything
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace strata::server
