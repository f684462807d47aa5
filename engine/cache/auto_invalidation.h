#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/cache/event_log.h"
#include "engine/cache/index_geometry.h"
#include "engine/cache/key.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

class Cache;
class Session;
struct Core;

// What the cache takes out by itself, beside what expires and what the limit asks for: all of it by upkeep, by the clock of its session. Each part is
// off where its first member is 0. Changeable at any time.
struct AutoInvalidation {
  // Every `interval_ms` the items are counted. Where `idle_percent` of them or more are idle, those are removed. Idle: not read or written again since
  // it was stored, or since the hand of the eviction took its hits away last, and stored at least one interval ago.
  std::int64_t interval_ms = 0;
  unsigned idle_percent = 0;  // 1 to 100

  // An item goes when it was stored so long ago: never before, at most a second and one round of the sweep after that; until then it is read. Of items
  // that were there before the limit of age, or an interval, was set, the age counts from then on.
  std::int64_t max_age_ms = 0;  // 0, or a second at least

  // Where more than `pressure_percent` of the limit are charged for `pressure_ms`, items are evicted until it is `relief_percent`.
  unsigned pressure_percent = 0;      // 1 to 100
  unsigned relief_percent = 0;        // below it
  std::int64_t pressure_ms = 10'000;  // a second at least

  // Every `hits_window_ms` the share of hits among the reads is compared with that of the windows before, the later the heavier. Where it is below
  // `hits_percent` of that, there is an event, and what `then` says is invalidated; the comparison begins anew. Windows of fewer reads than
  // `least_reads` do not count.
  std::int64_t hits_window_ms = 0;
  unsigned hits_percent = 0;  // 1 to 99
  std::uint64_t least_reads = 1000;
  enum class Then : std::uint8_t { nothing, prefix, database, everything };
  Then then = Then::nothing;
  Namespace database = 0;  // of `prefix` and `database`
  std::string prefix{};    // 1 to InvalidatedPrefixes::kMostBytes

  // What is wrong with it, for a cache with so many databases; a null pointer: nothing.
  [[nodiscard]] const char* problem(std::size_t databases) const noexcept;
  // Items have to say when they were stored: 5 bytes each.
  [[nodiscard]] bool needs_write_times() const noexcept { return max_age_ms != 0 || interval_ms != 0; }
  bool operator==(const AutoInvalidation&) const = default;
};

// Carries it out. Thread safety: all functions; one thread at a time is at work, others that come pass by.
class AutoInvalidator {
 public:
  AutoInvalidator(Cache& cache, Core& core) noexcept;
  AutoInvalidator(const AutoInvalidator&) = delete;
  AutoInvalidator& operator=(const AutoInvalidator&) = delete;

  // REQUIRES: it has no problem. What has not changed goes on.
  void set(AutoInvalidation settings, std::int64_t now_ms) STRATA_EXCLUDES(mutex_);
  [[nodiscard]] AutoInvalidation settings() const STRATA_EXCLUDES(mutex_);
  [[nodiscard]] bool is_on() const noexcept { return is_on_.load(std::memory_order_relaxed); }

  // What is due, until the deadline. Returns whether something is left. REQUIRES: within an operation of the session.
  bool run(Session& session, std::chrono::steady_clock::time_point deadline) STRATA_EXCLUDES(mutex_);
  // The sweep has removed items for their age.
  void note_old(std::size_t items) noexcept { old_items_.fetch_add(items, std::memory_order_relaxed); }

 private:
  struct Walk {
    enum class Phase : std::uint8_t { none, counting, removing };
    Phase phase = Phase::none;
    std::int64_t next_ms = 0;  // when it begins; 0: not known yet
    std::int64_t began_ms = 0;
    std::size_t shard = 0;
    Prefix position = 0;
    std::uint64_t items = 0;
    std::uint64_t idle = 0;
    std::uint64_t removed = 0;
    double share = 0;
  };
  struct Pressure {
    std::int64_t since_ms = 0;  // 0: there is none
    bool relieving = false;
    double share = 0;
    std::uint64_t evicted = 0;
  };
  struct Hits {
    std::int64_t next_ms = 0;  // when the window ends; 0: not known yet
    std::uint64_t hits = 0;    // at its beginning
    std::uint64_t reads = 0;
    double usual_hits = 0;  // of the windows before
    double usual_reads = 0;
    unsigned windows = 0;
    bool action_due = false;
  };

  bool remove_idle(Session& session, std::chrono::steady_clock::time_point deadline) STRATA_REQUIRES(mutex_);
  void begin_walk(Walk::Phase phase) noexcept STRATA_REQUIRES(mutex_);
  void end_walk(std::int64_t now_ms) noexcept STRATA_REQUIRES(mutex_);
  void look_at_block(Session& session) STRATA_REQUIRES(mutex_);
  void tell_of_old(std::int64_t now_ms) noexcept STRATA_REQUIRES(mutex_);
  bool relieve(Session& session, std::chrono::steady_clock::time_point deadline) STRATA_REQUIRES(mutex_);
  void judge_hits(Session& session) STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool act(Session& session) STRATA_REQUIRES(mutex_);

  Cache& cache_;
  Core& core_;
  std::atomic<bool> is_on_ = false;
  std::atomic<std::uint64_t> old_items_ = 0;  // since the last event
  mutable sync::Mutex mutex_{sync::LockRank{.name = "auto invalidation", .order = 70}};
  AutoInvalidation settings_ STRATA_GUARDED_BY(mutex_);
  Walk walk_ STRATA_GUARDED_BY(mutex_);
  Pressure pressure_ STRATA_GUARDED_BY(mutex_);
  Hits hits_ STRATA_GUARDED_BY(mutex_);
  std::int64_t told_of_old_ms_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::cache
