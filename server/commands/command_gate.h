#pragma once

#include <atomic>
#include <cstdint>

namespace strata::server {

// What every command passes before it runs: one number that says as of when the users are, and whether a pause is on. A client that may do everything
// holds the pass of the users as they are; any change of theirs makes another pass, and a pause of clients lets nobody through, so what else may hold a
// command up costs one comparison as long as nothing does. Who is not let through is asked everything.
// Thread safety: all functions, from any thread; next_pass() and set_paused() of those who keep users and pause, under their locks.
class CommandGate {
 public:
  // The pass of nobody.
  static constexpr std::uint64_t kNone = 0;

  [[nodiscard]] bool lets(std::uint64_t pass) const noexcept { return pass == word_.load(std::memory_order_acquire); }
  // Of the users as they are now; never kNone once there are users.
  [[nodiscard]] std::uint64_t pass() const noexcept { return word_.load(std::memory_order_acquire) & ~kPaused; }

  // What was done before is seen by who sees the new pass.
  void next_pass() noexcept { word_.fetch_add(kPaused << 1U, std::memory_order_release); }
  void set_paused(bool on) noexcept {
    if (on) {
      word_.fetch_or(kPaused, std::memory_order_release);
    } else {
      word_.fetch_and(~kPaused, std::memory_order_release);
    }
  }

 private:
  static constexpr std::uint64_t kPaused = 1;

  alignas(64) std::atomic<std::uint64_t> word_{0};  // read by every command
};

}  // namespace strata::server
