#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "engine/cache/protocol_points.h"

namespace strata::cache {

// As long as one lives, threads that pass a protocol point (builds with STRATA_PROTOCOL_POINTS) stop there at random: mostly not, sometimes for
// a few hundred cycles, sometimes until others have had the processor. That makes the windows between two steps wide, on few processors too.
// One at a time.
class ProtocolDelays {
 public:
#ifdef STRATA_PROTOCOL_POINTS
  ProtocolDelays() noexcept : before_(set_protocol_point_handler(&ProtocolDelays::delay)) {}
  ~ProtocolDelays() { set_protocol_point_handler(before_); }
#else
  ProtocolDelays() noexcept = default;
  ~ProtocolDelays() = default;
#endif
  ProtocolDelays(const ProtocolDelays&) = delete;
  ProtocolDelays& operator=(const ProtocolDelays&) = delete;

 private:
#ifdef STRATA_PROTOCOL_POINTS
  static void delay(ProtocolPoint /*point*/) noexcept {
    thread_local std::uint64_t random = std::hash<std::thread::id>{}(std::this_thread::get_id()) | 1;
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    const std::uint64_t kind = random >> 60U;
    if (kind == 0) {
      std::this_thread::yield();
    } else if (kind < 4) {
      for (std::uint64_t spins = (random >> 32U) % 256; spins > 0; --spins) std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }

  ProtocolPointHandler before_;
#endif
};

}  // namespace strata::cache
