#include "engine/cache/ghost_table.h"

#include <algorithm>
#include <bit>

#include "engine/cache/vector_match.h"
#include "engine/os/prefetch.h"

namespace strata::cache {

GhostTable::~GhostTable() {
  resize(0, 0);
  region_.release();
}

std::errc GhostTable::reserve(os::MemoryCalls& calls, std::uint64_t most_bytes) noexcept {
  page_bytes_ = calls.page_bytes();
  const std::uint64_t pages = std::max<std::uint64_t>(most_bytes / page_bytes_, 1);
  const std::errc failure = region_.reserve_anonymous(calls, pages * page_bytes_, page_bytes_);
  if (failure == std::errc{}) (void)region_.refuse_huge_pages(0, region_.bytes());
  return failure;
}

void GhostTable::resize(std::uint64_t keys, std::uint64_t most_bytes) noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint64_t buckets =
      std::min({(keys + kWays - 1) / kWays, most_bytes / page_bytes_ * page_bytes_ / sizeof(GhostBucket),
                std::uint64_t{region_.bytes()} / sizeof(GhostBucket)});
  const std::uint64_t bytes = (buckets * sizeof(GhostBucket) + page_bytes_ - 1) / page_bytes_ * page_bytes_;
  if (buckets == buckets_.load(std::memory_order_relaxed)) return;
  // Who still adds to the old ones adds in vain, or leaves a key where it means another: one in so many that were wrong anyway.
  buckets_.store(0, std::memory_order_release);
  if (committed_bytes_ != 0 && region_.purge(0, committed_bytes_) == std::errc{}) {
    budget_.charge(Purpose::policy, -static_cast<std::int64_t>(committed_bytes_));
    committed_bytes_ = 0;
  }
  // What the system did not take back serves on, with what is in it.
  if (bytes > committed_bytes_) {
    if (region_.commit(committed_bytes_, bytes - committed_bytes_) != std::errc{}) return;
    budget_.charge(Purpose::policy, static_cast<std::int64_t>(bytes - committed_bytes_));
    committed_bytes_ = bytes;
  }
  buckets_.store(buckets, std::memory_order_release);
}

GhostTable::GhostBucket& GhostTable::bucket_of(std::uint64_t hash, std::uint64_t buckets) const noexcept {
  __extension__ using Wide = unsigned __int128;
  return reinterpret_cast<GhostBucket*>(region_.base())[static_cast<std::uint64_t>(static_cast<Wide>(hash) * buckets >> 64U)];
}

// From the lower half of the hash: the bucket's number comes from the upper one.
std::uint16_t GhostTable::mark_of(std::uint64_t hash) noexcept {
  constexpr std::uint64_t kMarks = (1U << (16 - kCauseBits)) - 1;
  const std::uint64_t lower = hash & 0xffff'ffffU;
  return static_cast<std::uint16_t>((lower * kMarks >> 32U) + 1);
}

std::uint32_t GhostTable::marked(const GhostBucket& bucket, std::uint16_t mark) noexcept {
#ifdef STRATA_VECTOR_MATCH
  static_assert(offsetof(GhostBucket, keys) == sizeof(std::uint16_t) && sizeof(GhostBucket) == 4 * sizeof(__m128i));
  const auto* const quarters = reinterpret_cast<const __m128i*>(&bucket);
  const __m128i wanted = _mm_set1_epi16(static_cast<short>(mark));
  const auto equal = [&](std::size_t quarter) {
    return _mm_cmpeq_epi16(_mm_srli_epi16(_mm_load_si128(quarters + quarter), kCauseBits), wanted);
  };
  const auto low = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(0), equal(1))));
  const auto high = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(2), equal(3))));
  return (low | high << 16U) >> 1U;  // the first is no key
#else
  std::uint32_t found = 0;
  for (std::size_t way = 0; way < kWays; ++way)
    found |= bucket.keys[way].load(std::memory_order_relaxed) >> kCauseBits == mark ? 1U << way : 0U;
  return found;
#endif
}

// The newest, of those that are the key's: the one behind which all are older, or the last before that.
std::atomic<std::uint16_t>* GhostTable::look(std::uint64_t hash) const noexcept {
  const std::uint64_t buckets = buckets_.load(std::memory_order_acquire);
  if (buckets == 0) return nullptr;
  GhostBucket& bucket = bucket_of(hash, buckets);
  const std::uint32_t found = marked(bucket, mark_of(hash));
  if (found == 0) [[likely]]
    return nullptr;
  const std::uint32_t newer = found & ((std::uint32_t{1} << bucket.next.load(std::memory_order_relaxed)) - 1);
  return &bucket.keys[static_cast<std::size_t>(std::bit_width(newer != 0 ? newer : found)) - 1];
}

void GhostTable::prefetch(std::uint64_t hash) const noexcept {
  const std::uint64_t buckets = buckets_.load(std::memory_order_acquire);
  if (buckets != 0) os::prefetch_to_write(&bucket_of(hash, buckets));
}

void GhostTable::add(std::uint64_t hash, Gone cause) noexcept {
  const std::uint64_t buckets = buckets_.load(std::memory_order_acquire);
  if (buckets == 0) return;
  GhostBucket& bucket = bucket_of(hash, buckets);
  const std::size_t next = bucket.next.load(std::memory_order_relaxed);
  bucket.keys[next].store(static_cast<std::uint16_t>(unsigned{mark_of(hash)} << kCauseBits | static_cast<unsigned>(cause)),
                          std::memory_order_relaxed);
  bucket.next.store(next + 1 == kWays ? 0 : static_cast<std::uint16_t>(next + 1), std::memory_order_relaxed);
}

GhostTable::Found GhostTable::find(std::uint64_t hash) const noexcept {
  const std::atomic<std::uint16_t>* const key = look(hash);
  if (key == nullptr) return {};
  return {.found = true, .cause = static_cast<Gone>(key->load(std::memory_order_relaxed) & ((1U << kCauseBits) - 1))};
}

void GhostTable::remove(std::uint64_t hash) noexcept {
  if (std::atomic<std::uint16_t>* const key = look(hash)) key->store(0, std::memory_order_relaxed);
}

}  // namespace strata::cache
