#pragma once

#include <cstdint>
#include <optional>

namespace strata::pools {

// How large a pool is and becomes. Bytes are of memory that holds blocks, which pools take and give back in whole chunks.
struct PoolSizing {
  std::uint64_t initial_bytes = 0;    // taken when the pool is made, and never given back before its end
  std::uint64_t max_bytes = 0;        // 0: no limit of its own
  std::uint32_t growth_percent = 50;  // a full pool grows by this share of what it holds, by one chunk at least; at most 1,000
  std::uint32_t shrink_below_percent =
      25;  // a round of cleanup with less than this in use counts as low; 0: the pool never shrinks
  std::uint32_t shrink_after_rounds = 4;  // low rounds in a row after which it shrinks; at least 1
};

// Whether each value is one of those said above, and initial_bytes is not above max_bytes.
[[nodiscard]] bool is_valid(const PoolSizing& sizing) noexcept;

// Decides by how much a pool grows and when it shrinks. Shrinking waits for several low rounds and leaves room for one growth beyond what is
// in use, so a pool whose use goes up and down neither calls the system at each turn nor grows right after it has shrunk.
// Thread safety: none, the pool's lock guards it.
class SizeKeeper {
 public:
  // A pool takes no more than that at once, unless a single block needs it: so no request pays for more.
  static constexpr std::uint64_t kMostGrowthBytes = std::uint64_t{4} << 20;

  explicit SizeKeeper(const PoolSizing& sizing) noexcept : sizing_(sizing) {}

  // What to add to `total_bytes` when `needed_bytes` are missing: that at least. 0: not even that is below the maximum.
  [[nodiscard]] std::uint64_t growth(std::uint64_t total_bytes, std::uint64_t needed_bytes) const noexcept;
  // To be called once a round of cleanup. What the pool may come down to; nothing: it stays as it is.
  [[nodiscard]] std::optional<std::uint64_t> end_round(std::uint64_t total_bytes, std::uint64_t used_bytes) noexcept;

  [[nodiscard]] const PoolSizing& sizing() const noexcept { return sizing_; }
  void set_max_bytes(std::uint64_t bytes) noexcept { sizing_.max_bytes = bytes; }

 private:
  PoolSizing sizing_;
  std::uint32_t low_rounds_ = 0;
};

}  // namespace strata::pools
