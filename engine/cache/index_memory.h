#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "engine/cache/budget.h"
#include "engine/cache/index_geometry.h"
#include "engine/os/region.h"

// Where the tables of the index lie: one range of addresses, two windows for each shard, so that a table can grow from one into the other
// and nothing has to find address space while it does. A window holds the buckets, then the overflow pool. Memory is committed
// as it is needed, and charged to Purpose::index as it is used: while one table is emptied into another both together take little more than
// one. What was purged reads as zero, which is an empty bucket.
// Thread safety: different shards from different threads at once; the callers order what concerns one shard.
namespace strata::cache {

// Buckets of an overflow pool: what a bucket's header can name, and 0 names none.
inline constexpr std::uint32_t kPoolBuckets = 1U << 16U;

class IndexMemory {
 public:
  // Address space for tables that hold about `most_items` in all shards together. REQUIRES: `calls` and `budget` outlive it.
  [[nodiscard]] std::errc reserve(os::MemoryCalls& calls, Budget& budget, std::uint64_t most_items) noexcept;
  IndexMemory() = default;
  ~IndexMemory();
  IndexMemory(const IndexMemory&) = delete;
  IndexMemory& operator=(const IndexMemory&) = delete;

  [[nodiscard]] std::uint32_t most_blocks() const noexcept { return most_blocks_; }
  [[nodiscard]] Bucket* buckets(std::size_t shard, unsigned window) const noexcept {
    return reinterpret_cast<Bucket*>(region_.base() + start_of(shard, window));
  }
  [[nodiscard]] Bucket* pool(std::size_t shard, unsigned window) const noexcept {
    return buckets(shard, window) + std::size_t{most_blocks_} * kBlockBuckets;
  }

  // False: the system gives no more. What was committed reads as zero, and is not used yet.
  [[nodiscard]] bool commit_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept;
  // The first `blocks` of a window are used from now on.
  void use_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept;
  // The first `blocks` of a window are not: they go back to the system, a few at a time. Who reads them still finds them empty.
  void give_back_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept;
  [[nodiscard]] std::uint64_t used_buckets(std::size_t shard, unsigned window) const noexcept;
  // The first `buckets` of the pool.
  [[nodiscard]] bool commit_pool(std::size_t shard, unsigned window, std::uint32_t buckets) noexcept;
  // Gives back what was committed of a window. REQUIRES: nobody reads it.
  void purge(std::size_t shard, unsigned window) noexcept;

 private:
  [[nodiscard]] std::size_t start_of(std::size_t shard, unsigned window) const noexcept {
    return (shard * 2 + window) * window_bytes_;
  }
  // From the start of its part of the window. Written by who holds the growth of its shard.
  struct Committed {
    std::size_t bucket_bytes = 0;
    std::size_t pool_bytes = 0;
    // Of the buckets, what is used and charged; others look at it for statistics.
    std::atomic<std::size_t> used_begin = 0;
    std::atomic<std::size_t> used_end = 0;
  };
  [[nodiscard]] bool commit(std::size_t& committed, std::size_t start, std::size_t bytes) noexcept;
  void charge(std::size_t bytes) noexcept { budget_->charge(Purpose::index, static_cast<std::int64_t>(bytes)); }
  void discharge(std::size_t bytes) noexcept { budget_->charge(Purpose::index, -static_cast<std::int64_t>(bytes)); }
  void purge_buckets(Committed& committed, std::size_t start) noexcept;
  void purge_pool(Committed& committed, std::size_t start) noexcept;

  os::Region region_;
  Budget* budget_ = nullptr;
  std::uint32_t most_blocks_ = 0;
  std::size_t window_bytes_ = 0;
  std::size_t page_bytes_ = 1;
  std::array<Committed, kShardCount * 2> committed_{};
};

}  // namespace strata::cache
