#include "engine/cache/budget.h"

#include <algorithm>

namespace strata::cache {

namespace {

// Batched changes of several shards arrive in any order, so that an account may be below zero for a moment.
std::uint64_t not_negative(std::int64_t bytes) noexcept { return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)); }

}  // namespace

void Budget::charge(Purpose purpose, std::int64_t delta_bytes) noexcept {
  bytes_[static_cast<std::size_t>(purpose)].fetch_add(delta_bytes, std::memory_order_relaxed);
  const std::int64_t total = total_.fetch_add(delta_bytes, std::memory_order_relaxed) + delta_bytes;
  std::int64_t peak = peak_.load(std::memory_order_relaxed);
  while (total > peak && !peak_.compare_exchange_weak(peak, total, std::memory_order_relaxed)) {
  }
}

std::uint64_t Budget::bytes(Purpose purpose) const noexcept {
  return not_negative(bytes_[static_cast<std::size_t>(purpose)].load(std::memory_order_relaxed));
}

std::uint64_t Budget::beside_items_bytes() const noexcept {
  const std::int64_t items = bytes_[static_cast<std::size_t>(Purpose::items)].load(std::memory_order_relaxed) +
                             bytes_[static_cast<std::size_t>(Purpose::large_values)].load(std::memory_order_relaxed);
  return not_negative(total_.load(std::memory_order_relaxed) - items);
}

std::uint64_t Budget::total_bytes() const noexcept { return not_negative(total_.load(std::memory_order_relaxed)); }

std::uint64_t Budget::peak_bytes() const noexcept { return not_negative(peak_.load(std::memory_order_relaxed)); }

}  // namespace strata::cache
