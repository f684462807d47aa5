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

bool IndexMemory::extend(std::size_t& committed, std::size_t start, std::size_t bytes) noexcept {
  bytes = (bytes + page_bytes_ - 1) / page_bytes_ * page_bytes_;
  if (bytes <= committed) return true;
  if (region_.commit(start + committed, bytes - committed) != std::errc{}) return false;
  budget_->charge(Purpose::index, static_cast<std::int64_t>(bytes - committed));
  committed = bytes;
  return true;
}

bool IndexMemory::commit_buckets(std::size_t shard, unsigned window, std::uint32_t blocks) noexcept {
  return extend(committed_[shard * 2 + window].bucket_bytes, start_of(shard, window), blocks * kBlockBytes);
}

bool IndexMemory::commit_pool(std::size_t shard, unsigned window, std::uint32_t buckets) noexcept {
  return extend(committed_[shard * 2 + window].pool_bytes, start_of(shard, window) + most_blocks_ * kBlockBytes,
                buckets * sizeof(Bucket));
}

void IndexMemory::purge(std::size_t& committed, std::size_t start) noexcept {
  if (committed == 0) return;
  // What the system does not take stays resident, so it stays charged; cleared, it serves again.
  if (region_.purge(start, committed) != std::errc{}) {
    std::fill_n(region_.base() + start, committed, std::byte{0});
    return;
  }
  budget_->charge(Purpose::index, -static_cast<std::int64_t>(committed));
  committed = 0;
}

void IndexMemory::purge(std::size_t shard, unsigned window) noexcept {
  const std::size_t start = start_of(shard, window);
  purge(committed_[shard * 2 + window].bucket_bytes, start);
  purge(committed_[shard * 2 + window].pool_bytes, start + most_blocks_ * kBlockBytes);
}

}  // namespace strata::cache
