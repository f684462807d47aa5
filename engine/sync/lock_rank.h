#pragma once

#include <cstdint>

// The order in which locks may be taken, and the check of it.
namespace strata::sync {

// Where a lock stands in that order: a thread that holds one may take only locks of a higher order. That nobody can wait in a circle
// follows. Shared and exclusive holding count alike: a reader that comes again can wait for a writer that waits for it.
// Checked where STRATA_CHECKED is defined; order 0 takes no part.
struct LockRank {
  const char* name = "unranked";
  std::uint16_t order = 0;
};

// Called when a thread takes a lock of no higher order than one it holds (checked builds only): both names. The default prints them and
// aborts. Returns the handler that was there.
using RankInversionHandler = void (*)(const char* held, const char* wanted);
RankInversionHandler set_rank_inversion_handler(RankInversionHandler handler) noexcept;

// For the locks themselves: the calling thread is about to take `lock`, has given it back. `lock` only tells locks apart.
#ifdef STRATA_CHECKED
void note_taking(const void* lock, const LockRank& rank) noexcept;
void note_given_back(const void* lock, const LockRank& rank) noexcept;
#else
inline void note_taking(const void*, const LockRank&) noexcept {}
inline void note_given_back(const void*, const LockRank&) noexcept {}
#endif

}  // namespace strata::sync
