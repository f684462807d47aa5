#include "server/commands/client_pause.h"

#include <algorithm>
#include <limits>

namespace strata::server {

void ClientPause::begin(Of of, std::int64_t until_ms, std::int64_t now_ms) {
  constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max() / 2;
  const std::scoped_lock lock(mutex_);
  const std::uint64_t before = word_.load(std::memory_order_relaxed);
  std::uint64_t strictness = of == Of::everything ? kEverything : 0;
  std::int64_t until = std::clamp<std::int64_t>(until_ms, 0, kLatest);
  if (remaining_ms(true, now_ms) > 0) {
    strictness |= before & kEverything;
    until = std::max(until, static_cast<std::int64_t>(before >> 1U));
  }
  set(until > now_ms ? static_cast<std::uint64_t>(until) << 1U | strictness : 0);
}

void ClientPause::end() noexcept {
  const std::scoped_lock lock(mutex_);
  set(0);
}

void ClientPause::end_if_over(std::int64_t now_ms) noexcept {
  if (word_.load(std::memory_order_relaxed) == 0) return;
  const std::scoped_lock lock(mutex_);
  if (remaining_ms(true, now_ms) <= 0) set(0);
}

void ClientPause::set(std::uint64_t word) noexcept {
  word_.store(word, std::memory_order_relaxed);
  gate_.set_paused(word != 0);
}

}  // namespace strata::server
