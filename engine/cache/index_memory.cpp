#include "engine/cache/index_memory.h"

#include <algorithm>

namespace strata::cache {
namespace {

constexpr std::size_t kBlockBytes = kBlockBuckets * sizeof(Bucket);
// A table is let grow before it is as full as this, so windows sized by it are not outgrown by what they are meant for.
constexpr std::uint64_t kItemsPerBlock = kBlockBuckets * Bucket::kSlots * 3 / 4;
constexpr std::uint32_t kLargestWindow = 1U << 22U;  // blocks: 268 million buckets a shard

}  // namespace

std::errc IndexMemory::reserve(os::MemoryCalls& calls, Budget& budget, std::uint64_t most_items) noexcept {
  const std::uint64_t blocks = most_items / kShardCount / kItemsPerBlock + 2;
  const std::size_t page_blocks = std::max<std::size_t>(calls.page_bytes() / kBlockBytes, 1);
  most_blocks_ =
      static_cast<std::uint32_t>((std::min<std::uint64_t>(blocks, kLargestWindow) + page_blocks - 1) / page_blocks * page_blocks);
  page_bytes_ = calls.page_bytes();
  window_bytes_ = std::size_t{most_blocks_} * kBlockBytes + std::size_t{kPoolBuckets} * sizeof(Bucket);
  budget_ = &budget;
  return region_.reserve_anonymous(calls, kShardCount * 2 * window_bytes_, sizeof(Bucket));
}

IndexMemory::~IndexMemory() { region_.release(); }

bool IndexMemory::commit(std::size_t& committed, std::size_t start, std::size_t bytes) noexcept {
  bytes = (bytes + page_bytes_ - 1) / page_bytes_ * page_bytes_;
  if (bytes <= committed) return true;
  if (region_.commit(start + committed, bytes - committed) != std::errc{}) return false;
  committed = bytes;
  return true;
}

bool IndexMemory::commit_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept {
  return commit(committed_[shard * 2 + window].bucket_bytes, start_of(shard, window), blocks * kBlockBytes);
}

bool IndexMemory::commit_pool(std::size_t shard, unsigned window, std::uint32_t buckets) noexcept {
  std::size_t& committed = committed_[shard * 2 + window].pool_bytes;
  const std::size_t before = committed;
  if (!commit(committed, start_of(shard, window) + most_blocks_ * kBlockBytes, buckets * sizeof(Bucket))) return false;
  charge(committed - before);
  return true;
}

void IndexMemory::use_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept {
  Committed& committed = committed_[shard * 2 + window];
  const std::size_t end = std::min(blocks * kBlockBytes, committed.bucket_bytes);
  const std::size_t before = committed.used_end.load(std::memory_order_relaxed);
  if (end <= before) return;
  charge(end - before);
  committed.used_end.store(end, std::memory_order_relaxed);
}

void IndexMemory::give_back_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept {
  constexpr std::size_t kWorthACall = 8U << 10U;
  Committed& committed = committed_[shard * 2 + window];
  const std::size_t begin = committed.used_begin.load(std::memory_order_relaxed);
  const std::size_t end =
      std::min(blocks * kBlockBytes, committed.used_end.load(std::memory_order_relaxed)) / page_bytes_ * page_bytes_;
  if (end < begin + kWorthACall) return;
  // What the system does not take now it gets with all of the window.
  if (region_.purge(start_of(shard, window) + begin, end - begin) != std::errc{}) return;
  discharge(end - begin);
  committed.used_begin.store(end, std::memory_order_relaxed);
}

std::uint64_t IndexMemory::used_buckets(std::size_t shard, unsigned window) const noexcept {
  const Committed& committed = committed_[shard * 2 + window];
  const std::size_t begin = committed.used_begin.load(std::memory_order_relaxed);
  const std::size_t end = committed.used_end.load(std::memory_order_relaxed);
  return end > begin ? (end - begin) / sizeof(Bucket) : 0;
}

// What the system does not take stays resident, so it stays charged; cleared, it serves again.
void IndexMemory::purge_buckets(Committed& committed, std::size_t start) noexcept {
  if (committed.bucket_bytes == 0) return;
  const std::size_t used =
      committed.used_end.load(std::memory_order_relaxed) - committed.used_begin.load(std::memory_order_relaxed);
  // All of it: who had looked for a place in what was given back may have touched it.
  if (region_.purge(start, committed.bucket_bytes) != std::errc{}) {
    std::fill_n(region_.base() + start, committed.bucket_bytes, std::byte{0});
    charge(committed.bucket_bytes - used);
    committed.used_begin.store(0, std::memory_order_relaxed);
    committed.used_end.store(committed.bucket_bytes, std::memory_order_relaxed);
    return;
  }
  discharge(used);
  committed.bucket_bytes = 0;
  committed.used_begin.store(0, std::memory_order_relaxed);
  committed.used_end.store(0, std::memory_order_relaxed);
}

void IndexMemory::purge_pool(Committed& committed, std::size_t start) noexcept {
  if (committed.pool_bytes == 0) return;
  if (region_.purge(start, committed.pool_bytes) != std::errc{}) {
    std::fill_n(region_.base() + start, committed.pool_bytes, std::byte{0});
    return;
  }
  discharge(committed.pool_bytes);
  committed.pool_bytes = 0;
}

void IndexMemory::purge(std::size_t shard, unsigned window) noexcept {
  const std::size_t start = start_of(shard, window);
  purge_buckets(committed_[shard * 2 + window], start);
  purge_pool(committed_[shard * 2 + window], start + most_blocks_ * kBlockBytes);
}

}  // namespace strata::cache
