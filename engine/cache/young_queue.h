#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/cache/budget.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// One key of the young queue: the upper 40 bits of its hash, which find it in the index.
class YoungKey {
 public:
  constexpr YoungKey() noexcept = default;
  constexpr explicit YoungKey(std::uint64_t hash) noexcept {
    for (unsigned byte = 0; byte < kBytes; ++byte) bytes_[byte] = static_cast<std::uint8_t>(hash >> (kShift + 8 * byte));
  }

  // As much of it as the index needs, up to 2^16 blocks a shard (7 thousand million items).
  [[nodiscard]] constexpr std::uint64_t hash() const noexcept {
    std::uint64_t hash = 0;
    for (unsigned byte = 0; byte < kBytes; ++byte) hash |= std::uint64_t{bytes_[byte]} << (kShift + 8 * byte);
    return hash;
  }
  [[nodiscard]] constexpr bool is_of(std::uint64_t hash) const noexcept { return (hash ^ this->hash()) >> kShift == 0; }

 private:
  static constexpr unsigned kBytes = 5, kShift = 24;
  std::array<std::uint8_t, kBytes> bytes_{};
};
static_assert(sizeof(YoungKey) == 5 && alignof(YoungKey) == 1);

// The small queue of s3fifo (J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): new keys wait in it, a tenth
// of the memory, until it shows whether they are asked for again. In the order in which they came; by key, not by place, so that items stay
// where they lie. What was removed meanwhile stays in the queue until it is taken. 5 B a key, charged to Purpose::policy.
// How many bytes the items hold is known of all together only: what is taken counts as the mean of what is there.
// Thread safety: all functions. Threads bring their keys in batches (YoungBatch), so the order is exact but for the size of a batch.
class YoungQueue {
 public:
  explicit YoungQueue(Budget& budget) noexcept : budget_(budget) {}
  ~YoungQueue();
  YoungQueue(const YoungQueue&) = delete;
  YoungQueue& operator=(const YoungQueue&) = delete;

  // Returns how many it has taken: fewer if there is no memory. `bytes`: that their items hold.
  [[nodiscard]] std::size_t add(std::span<const YoungKey> keys, std::uint64_t bytes) noexcept STRATA_EXCLUDES(mutex_);
  // Moves the oldest ones to `keys`, and returns how many.
  [[nodiscard]] std::size_t take(std::span<YoungKey> keys) noexcept STRATA_EXCLUDES(mutex_);

  // That the items of all keys in it hold.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t keys() const noexcept { return keys_.load(std::memory_order_relaxed); }
  // Of an item whose turn has come, in the mean of the last thousand or so; 0: there was none. What was removed or replaced before its turn is in no mean.
  [[nodiscard]] std::uint64_t mean_bytes() const noexcept { return judged_.load(std::memory_order_relaxed) / kMeanOf; }
  // Of two threads at once one may be lost.
  void note_judged(std::uint64_t bytes) noexcept {
    const std::uint64_t judged = judged_.load(std::memory_order_relaxed);
    judged_.store(judged - judged / kMeanOf + bytes, std::memory_order_relaxed);
  }
  void begin_mean(std::uint64_t mean_bytes) noexcept { judged_.store(mean_bytes * kMeanOf, std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t kMeanOf = 1024;
  static constexpr std::size_t kKeysPerChunk = 817;
  struct Chunk {
    Chunk* newer = nullptr;
    std::array<YoungKey, kKeysPerChunk> keys;
  };
  static_assert(sizeof(Chunk) <= 4096);
  [[nodiscard]] bool add_chunk() noexcept STRATA_REQUIRES(mutex_);
  void drop_oldest_chunk() noexcept STRATA_REQUIRES(mutex_);

  Budget& budget_;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> keys_ = 0;
  std::atomic<std::uint64_t> judged_ = 0;  // kMeanOf times their mean
  sync::Mutex mutex_{sync::LockRank{.name = "young queue", .order = 480}};
  Chunk* oldest_ STRATA_GUARDED_BY(mutex_) = nullptr;
  Chunk* newest_ STRATA_GUARDED_BY(mutex_) = nullptr;
  std::size_t begin_ STRATA_GUARDED_BY(mutex_) = 0;  // in the oldest chunk
  std::size_t end_ STRATA_GUARDED_BY(mutex_) = 0;    // in the newest one
};

// What one thread has still to bring to the queue. Thread safety: none.
class YoungBatch {
 public:
  void add(YoungKey key, std::uint64_t bytes) noexcept {
    keys_[count_++] = key;
    bytes_ += bytes;
  }
  // A queue of few keys is to be in order all the more: batches of a 64th of it.
  [[nodiscard]] bool is_full(const YoungQueue& queue) const noexcept {
    return count_ == keys_.size() || count_ * kShare > queue.keys();
  }
  [[nodiscard]] std::span<const YoungKey> keys() const noexcept { return std::span(keys_).first(count_); }
  // That the items of the keys hold.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  void clear() noexcept {
    count_ = 0;
    bytes_ = 0;
  }

 private:
  static constexpr std::size_t kShare = 64;
  std::array<YoungKey, 32> keys_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace strata::cache
