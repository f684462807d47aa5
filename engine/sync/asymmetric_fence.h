#pragma once

#include <atomic>

#include "engine/sync/full_fence.h"

// A pair of fences for a pattern in which one side is passed millions of times for each time of the other. Between a light and a heavy one
// holds what holds between two of full_fence(): of a thread that writes, passes the light one and reads, and one that writes, passes the
// heavy one and reads, at least one sees the other's write. (Linux' membarrier(2); P. McKenney, M. Desnoyers and others, 2010.)
namespace strata::sync {

namespace asymmetric_fence {
// The system can have all threads of the process pass a fence. Set before the first thread of the program can ask.
extern const bool is_supported;
}  // namespace asymmetric_fence

// Costs nothing but that the compiler keeps the order, a full fence where the system knows no better.
inline void light_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
  full_fence();
#else
  if (asymmetric_fence::is_supported) [[likely]] {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    full_fence();
  }
#endif
}

// Some microseconds: every processor that runs a thread of this process is interrupted.
void heavy_fence() noexcept;

}  // namespace strata::sync
