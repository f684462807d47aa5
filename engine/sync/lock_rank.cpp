#include "engine/sync/lock_rank.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace strata::sync {
namespace {

std::atomic<RankInversionHandler> inversion_handler = nullptr;

#ifdef STRATA_CHECKED
struct Held {
  const void* lock;
  LockRank rank;
};
// The ranked locks this thread holds, in the order it took them.
constexpr std::size_t kMostHeld = 32;
thread_local constinit std::array<Held, kMostHeld> held_locks{};
thread_local constinit std::size_t held_count = 0;

void report_inversion(const char* held, const char* wanted) noexcept {
  if (const RankInversionHandler handler = inversion_handler.load(); handler != nullptr) return handler(held, wanted);
  std::fprintf(stderr, "strata: lock order: %s was wanted by a thread that holds %s\n", wanted, held);
  std::abort();
}
#endif

}  // namespace

RankInversionHandler set_rank_inversion_handler(RankInversionHandler handler) noexcept {
  return inversion_handler.exchange(handler);
}

#ifdef STRATA_CHECKED
void note_taking(const void* lock, const LockRank& rank) noexcept {
  if (rank.order == 0) return;
  for (std::size_t index = 0; index < held_count; ++index) {
    if (held_locks[index].rank.order >= rank.order) report_inversion(held_locks[index].rank.name, rank.name);
  }
  if (held_count < kMostHeld) held_locks[held_count++] = {.lock = lock, .rank = rank};
}

void note_given_back(const void* lock, const LockRank& rank) noexcept {
  if (rank.order == 0) return;
  for (std::size_t index = held_count; index-- > 0;) {
    if (held_locks[index].lock != lock) continue;
    held_locks[index] = held_locks[--held_count];
    return;
  }
}
#endif

}  // namespace strata::sync
