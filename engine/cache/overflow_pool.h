#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/cache/index_memory.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// Buckets for the items of a table that found no place near their home: a chain of them for each such home, named by its header. A
// bucket in a chain uses its own header for the number of the next one; one that is not used, for the next that is free.
//
// Readers follow chains without a lock. A bucket that left one may be in another chain the next moment: what a reader then finds there has
// another key, and what it does not find is validated by the home's sequence, which the change has raised.
// Thread safety: take and give_back from any thread; REQUIRES of reset: nobody else uses it.
class OverflowPool {
 public:
  OverflowPool() = default;
  void open(IndexMemory& memory, std::size_t shard, unsigned window) noexcept;

  // REQUIRES: number not 0, of a bucket that take() gave.
  [[nodiscard]] Bucket& bucket(std::uint32_t number) const noexcept { return buckets_[number]; }
  [[nodiscard]] static std::uint32_t next(const Bucket& bucket) noexcept {
    return static_cast<std::uint32_t>(bucket.header.load(std::memory_order_acquire));
  }

  // An empty bucket that is chained to nothing, or 0: the pool is full, or memory is out.
  [[nodiscard]] std::uint32_t take() noexcept;
  // REQUIRES: empty and in no chain.
  void give_back(std::uint32_t number) noexcept;
  [[nodiscard]] std::uint32_t in_use() const noexcept { return in_use_.load(std::memory_order_relaxed); }
  // As if never used. Its memory is the caller's to purge.
  void reset() noexcept;

 private:
  static constexpr std::uint32_t kCommitBuckets = 256;  // 16 KiB

  IndexMemory* memory_ = nullptr;
  Bucket* buckets_ = nullptr;
  std::size_t shard_ = 0;
  unsigned window_ = 0;
  sync::Mutex mutex_{sync::LockRank{.name = "overflow pool", .order = 420}};
  std::uint32_t first_free_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint32_t never_used_ STRATA_GUARDED_BY(mutex_) = 1;
  std::uint32_t committed_ STRATA_GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint32_t> in_use_ = 0;
};

}  // namespace strata::cache
