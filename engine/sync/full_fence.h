#pragma once

#include <atomic>

namespace strata::sync {

// Orders what this thread wrote before against what it reads after, in one order for all fences: of two threads that each write, fence and
// read what the other writes, at least one sees the other's write (J. Dekker's pattern). Costs about 20 cycles, no shared line.
#if defined(__SANITIZE_THREAD__)
#define STRATA_FENCE_BY_SHARED_WORD
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRATA_FENCE_BY_SHARED_WORD
#endif
#endif

#ifdef STRATA_FENCE_BY_SHARED_WORD
// The thread sanitizer knows no fences. A word that both sides change promises as much: the later one synchronises with the earlier one.
inline constinit std::atomic<unsigned> fence_word = 0;
inline void full_fence() noexcept { fence_word.fetch_add(1, std::memory_order_acq_rel); }
#undef STRATA_FENCE_BY_SHARED_WORD
#else
inline void full_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }
#endif

}  // namespace strata::sync
