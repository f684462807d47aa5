#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// What the cache has done, or noticed, by itself (auto_invalidation.h says when).
enum class EventKind : std::uint8_t {
  idle_items,       // too many were not asked for, and were removed. Share of all items
  old_items,        // some had reached their age, and were removed. Age in seconds
  memory_pressure,  // memory was near the limit for too long, and items were evicted ahead. Share of the limit
  hit_ratio_drop,   // fewer reads are hits than before. Share of the reads
  limit_lowered,  // the system is short of memory (dynamic_sizing.h). The new limit and, as threshold, what is available, as shares of the largest limit
  limit_raised,   // it is no longer; the same
};
inline constexpr std::size_t kEventKinds = 6;
inline constexpr std::array<std::string_view, kEventKinds> kEventKindNames{"idle_items",     "old_items",     "memory_pressure",
                                                                           "hit_ratio_drop", "limit_lowered", "limit_raised"};

struct Event {
  std::uint64_t number = 0;  // from 1, one more each time
  std::int64_t at_ms = 0;    // by the clock of the session whose upkeep it was
  EventKind kind = EventKind::idle_items;
  double measured = 0;  // shares are from 0 to 1
  double threshold = 0;
  std::uint64_t items =
      0;  // that were taken out for it; of a drop of the hit ratio always 0: what was invalidated comes back later
};

// Hears of events when they occur. Called by the thread whose upkeep it is, one at a time: neither calls into the cache nor waiting.
class EventListener {
 public:
  EventListener() = default;
  EventListener(const EventListener&) = delete;
  EventListener& operator=(const EventListener&) = delete;
  virtual ~EventListener() = default;

  virtual void occurred(const Event& event) noexcept = 0;
};

// The last events, and how many of each kind there were.
// Memory: none before the first event, then 14 KiB, charged to Purpose::policy. Thread safety: all functions.
class EventLog {
 public:
  static constexpr std::size_t kMost = 256;

  explicit EventLog(Budget& budget) noexcept : budget_(budget) {}
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Numbers it and keeps it, in place of the oldest where there are kMost. Where there is no memory it is only counted and told.
  void add(Event event) noexcept STRATA_EXCLUDES(mutex_);
  // Those that are kept, of a number above `after`, the oldest first.
  [[nodiscard]] std::vector<Event> since(std::uint64_t after) const STRATA_EXCLUDES(mutex_);
  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t items = 0;
  };
  [[nodiscard]] Counts counts(EventKind kind) const noexcept;
  // A null pointer: nobody. When it returns the one before is called no more. Ownership: the caller's.
  void set_listener(EventListener* listener) noexcept STRATA_EXCLUDES(mutex_);

 private:
  struct Count {
    std::atomic<std::uint64_t> events = 0;
    std::atomic<std::uint64_t> items = 0;
  };

  Budget& budget_;
  std::array<Count, kEventKinds> counts_;
  mutable sync::Mutex mutex_{sync::LockRank{.name = "event log", .order = 80}};
  std::vector<Event> events_ STRATA_GUARDED_BY(mutex_);  // a ring: number n lies at (n - 1) % kMost
  std::uint64_t last_ STRATA_GUARDED_BY(mutex_) = 0;
  EventListener* listener_ STRATA_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace strata::cache
