#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "engine/cache/budget.h"
#include "engine/os/region.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// Why an item is gone.
enum class Gone : std::uint8_t {
  evicted_young,  // it was asked for too seldom to stay when it left the young queue
  evicted,
  expired,
  removed,
  flushed
};
inline constexpr std::size_t kGoneCauses = 5;

// Remembers keys that are gone, and why: what s3fifo calls the ghost queue, and what tells the cause of a miss.
//
// A set of buckets of one cache line, each a ring of 31 keys in which a new one takes the place of the oldest. Of a key there are 13 bits of its hash, beside
// those that tell its bucket, and three for the cause; so a key that never was is taken for one of the bucket's with a probability of at most
// 31 / 2^13, 0.38 %. A key costs 2.1 B. How many keys are remembered follows from resize(); with other numbers of buckets keys lie
// elsewhere, so what is remembered is lost then.
// Thread safety: all functions. Without locks but for resize(); what several threads do to one bucket at a time may get lost.
class GhostTable {
 public:
  explicit GhostTable(Budget& budget) noexcept : budget_(budget) {}
  ~GhostTable();
  GhostTable(const GhostTable&) = delete;
  GhostTable& operator=(const GhostTable&) = delete;

  // Address space for at most so many bytes. Once, before all else. `calls` outlives this.
  [[nodiscard]] std::errc reserve(os::MemoryCalls& calls, std::uint64_t most_bytes) noexcept;

  // Remembers about `keys` keys from now on, 0: none, as far as `most_bytes` and the system allow. Charged whole, to Purpose::policy.
  void resize(std::uint64_t keys, std::uint64_t most_bytes) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t capacity() const noexcept { return buckets_.load(std::memory_order_relaxed) * kWays; }

  // Soon it will be added or looked for.
  void prefetch(std::uint64_t hash) const noexcept;
  void add(std::uint64_t hash, Gone cause) noexcept;
  struct Found {
    bool found = false;
    Gone cause = Gone::evicted;
  };
  [[nodiscard]] Found find(std::uint64_t hash) const noexcept;
  // Forgets a key that is there again.
  void remove(std::uint64_t hash) noexcept;

 private:
  static constexpr std::size_t kWays = 31;
  static constexpr unsigned kCauseBits = 3;
  struct alignas(64) GhostBucket {
    std::atomic<std::uint16_t> next;
    std::array<std::atomic<std::uint16_t>, kWays> keys;
  };
  static_assert(sizeof(GhostBucket) == 64);

  [[nodiscard]] GhostBucket& bucket_of(std::uint64_t hash, std::uint64_t buckets) const noexcept;
  // 0 is an empty place.
  [[nodiscard]] static std::uint16_t mark_of(std::uint64_t hash) noexcept;
  // The keys of a bucket with that mark, a bit for each.
  [[nodiscard]] static std::uint32_t marked(const GhostBucket& bucket, std::uint16_t mark) noexcept;
  [[nodiscard]] std::atomic<std::uint16_t>* look(std::uint64_t hash) const noexcept;

  Budget& budget_;
  os::Region region_;
  std::size_t page_bytes_ = 1;
  std::atomic<std::uint64_t> buckets_ = 0;
  sync::Mutex mutex_{sync::LockRank{.name = "ghost table", .order = 490}};
  std::uint64_t committed_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::cache
