#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/cache/key.h"

namespace strata::cache {

// What a walk over a segment has seen of its items' expiries, and from it when the next walk pays: when one in kWorthwhile of them will have
// expired, and kMostPauseMs later at the latest, if any will. So what has expired and is still there is less than one item in kWorthwhile, or
// less than kMostPauseMs old, and a walk costs at most kWorthwhile looks for each item that it removes, or a look at each item in kMostPauseMs.
// Times are in milliseconds since 1970. Thread safety: none.
class ExpiryTally {
 public:
  static constexpr std::uint32_t kWorthwhile = 128;
  static constexpr std::int64_t kMostPauseMs = 8000;

  explicit ExpiryTally(std::int64_t now_ms = 0) noexcept : now_ms_(now_ms) {}

  // An item that stays. kNoExpiry: for good.
  void note(std::int64_t expiry_ms) noexcept {
    ++items_;
    if (expiry_ms == kNoExpiry) return;
    if (expiry_ms < earliest_ms_) earliest_ms_ = expiry_ms;
    const std::int64_t ahead = expiry_ms - now_ms_;
    if (ahead > kMostPauseMs) return;
    std::size_t step = 0;
    while (kFirstPauseMs << step < ahead) ++step;
    ++soon_[step];
  }
  // What the walk was not sure of is looked at again then.
  void look_again_at(std::int64_t time_ms) noexcept {
    if (time_ms < earliest_ms_) earliest_ms_ = time_ms;
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }
  // Nothing expires before.
  [[nodiscard]] std::int64_t earliest_ms() const noexcept { return earliest_ms_; }
  // And before this it does not pay to look. Of so few items that each is its share: at once.
  [[nodiscard]] std::int64_t worthwhile_ms() const noexcept {
    const std::uint32_t share = items_ / kWorthwhile;
    if (share == 0) return now_ms_;
    std::uint32_t expired = 0;
    for (std::size_t step = 0; step < kSteps; ++step) {
      expired += soon_[step];
      if (expired >= share) return now_ms_ + (kFirstPauseMs << step);
    }
    return now_ms_ + kMostPauseMs;
  }

 private:
  // Each step is twice as long as the one before it.
  static constexpr std::int64_t kFirstPauseMs = 125;
  static constexpr std::size_t kSteps = 7;
  static_assert(kFirstPauseMs << (kSteps - 1) == kMostPauseMs);

  std::int64_t now_ms_;
  std::int64_t earliest_ms_ = kNoExpiry;
  std::uint32_t items_ = 0;
  std::array<std::uint32_t, kSteps> soon_{};  // how many expire within the step
};

}  // namespace strata::cache
