#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace strata::cache {

// What a byte is held for.
// `policy`: what it remembers beside the items. `process`: what the process holds that nobody else charges: stacks, tables of the system, the heap.
enum class Purpose : std::uint8_t { items, index, large_values, client_buffers, write_behind, policy, process };
inline constexpr std::size_t kPurposes = 7;

// The one account of memory. Everybody who holds bytes charges them here under a purpose; the cache evicts when the total passes
// the limit. Thread safety: all functions, from any thread. Shards batch their changes (at most kCreditBytes each) before they
// charge, so the total may be off by shards x kCreditBytes.
class Budget {
 public:
  static constexpr std::int64_t kCreditBytes = 512;

  void charge(Purpose purpose, std::int64_t delta_bytes) noexcept;

  [[nodiscard]] std::uint64_t bytes(Purpose purpose) const noexcept;
  [[nodiscard]] std::uint64_t total_bytes() const noexcept;
  // Of all purposes but items and large values.
  [[nodiscard]] std::uint64_t beside_items_bytes() const noexcept;
  [[nodiscard]] std::uint64_t peak_bytes() const noexcept;
  [[nodiscard]] std::uint64_t limit_bytes() const noexcept { return limit_bytes_.load(std::memory_order_relaxed); }
  void set_limit_bytes(std::uint64_t bytes) noexcept { limit_bytes_.store(bytes, std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::int64_t>, kPurposes> bytes_{};
  std::atomic<std::int64_t> total_{0};
  std::atomic<std::int64_t> peak_{0};
  std::atomic<std::uint64_t> limit_bytes_{~std::uint64_t{0}};
};

}  // namespace strata::cache
