#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace strata::cache {

class Cache;

// Counters of one thread. Written by that thread alone (plain relaxed stores), read by anybody.
struct SessionCounters {
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> expired{0};            // items removed because their time had come
  std::atomic<std::uint64_t> evicted{0};            // items removed because memory was needed
  std::atomic<std::uint64_t> eviction_refusals{0};  // writes refused: over the limit and nothing to evict

  // By the owning thread only: no atomic addition is needed.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
};

// What one thread brings to the cache: its clock reading, its counters, its random numbers. Every thread that uses the cache
// opens one (Cache::open_session) and passes it to each call. Thread safety: none; the counters may be read from other threads.
class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();  // folds the counters into the cache's total

  // The time that expiry and recency are judged by until the next call: set once per turn of an event loop. A new session has
  // the time of its opening.
  void set_now_ms(std::int64_t wall_clock_ms) noexcept { now_ms_ = wall_clock_ms; }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }

  [[nodiscard]] const SessionCounters& counters() const noexcept { return counters_; }

 private:
  friend class Cache;
  Session(Cache& cache, std::int64_t now_ms, std::uint64_t random_seed) noexcept
      : cache_(&cache), now_ms_(now_ms), random_(random_seed | 1) {}

  // xorshift64: uniform enough to choose victims by, and three instructions.
  [[nodiscard]] std::uint64_t random() noexcept {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_;
  }

  Cache* cache_;
  std::int64_t now_ms_;
  std::uint64_t random_;
  std::size_t upkeep_turn_ = 0;  // where among its shards the next upkeep goes on
  SessionCounters counters_;
};

}  // namespace strata::cache
