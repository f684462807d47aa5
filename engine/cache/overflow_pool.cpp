#include "engine/cache/overflow_pool.h"

namespace strata::cache {

void OverflowPool::open(IndexMemory& memory, std::size_t shard, unsigned window) noexcept {
  memory_ = &memory;
  buckets_ = memory.pool(shard, window);
  shard_ = shard;
  window_ = window;
}

std::uint32_t OverflowPool::take() noexcept {
  const sync::MutexLock lock(mutex_);
  std::uint32_t number = first_free_;
  if (number != 0) {
    first_free_ = next(buckets_[number]);
    buckets_[number].header.store(0, std::memory_order_relaxed);
  } else {
    if (never_used_ == kPoolBuckets) return 0;
    if (never_used_ >= committed_) {
      if (!memory_->commit_pool(shard_, window_, committed_ + kCommitBuckets)) return 0;
      committed_ += kCommitBuckets;
    }
    number = never_used_++;
  }
  in_use_.store(in_use() + 1, std::memory_order_relaxed);
  return number;
}

void OverflowPool::give_back(std::uint32_t number) noexcept {
  const sync::MutexLock lock(mutex_);
  buckets_[number].header.store(first_free_, std::memory_order_release);
  first_free_ = number;
  in_use_.store(in_use() - 1, std::memory_order_relaxed);
}

void OverflowPool::reset() noexcept {
  const sync::MutexLock lock(mutex_);
  first_free_ = 0;
  never_used_ = 1;
  committed_ = 0;
  in_use_.store(0, std::memory_order_relaxed);
}

}  // namespace strata::cache
