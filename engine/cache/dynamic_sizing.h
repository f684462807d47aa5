#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "engine/os/system_memory.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// How the limit gives way when the machine, or a control group that the process is in, runs short of memory, and comes back afterwards. The largest
// it may be is what Tunables say.
struct DynamicSizing {
  bool is_on = false;
  std::uint64_t min_bytes = 0;      // it gives way down to this
  std::uint64_t reserve_bytes = 0;  // so much is to stay free for others
  unsigned growth_percent = 125;    // 101 to 1000: it comes back in steps to so much of what it is
  std::int64_t look_ms = 1000;      // how often memory is looked at, at least 10
  std::int64_t calm_ms = 10'000;    // so long after it gave way, and after each step, it takes no other

  // What is wrong with it, for such a largest limit; a null pointer: nothing.
  [[nodiscard]] const char* problem(std::uint64_t max_bytes) const noexcept;
  bool operator==(const DynamicSizing&) const = default;
};

// Says what the limit is to be. It gives way at once, to what can be had less the reserve, and grows slowly: memory that is short comes and goes,
// and what was evicted for it is missed for long.
// Thread safety: all functions; one thread at a time looks, others that come pass by.
class DynamicSizer {
 public:
  // `system` outlives this; a null pointer: the machine's own.
  explicit DynamicSizer(const os::SystemMemory* system) noexcept : system_(system != nullptr ? *system : own_) {}
  DynamicSizer(const DynamicSizer&) = delete;
  DynamicSizer& operator=(const DynamicSizer&) = delete;

  // REQUIRES: it has no problem. Returns the limit from now on: what it had given way to stays, as long as it was on and is.
  std::uint64_t set(const DynamicSizing& settings, std::uint64_t max_bytes) STRATA_EXCLUDES(mutex_);
  [[nodiscard]] DynamicSizing settings() const STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_bytes_.load(std::memory_order_relaxed); }

  struct Change {
    std::uint64_t limit_bytes;
    std::uint64_t available_bytes;  // to the process, what it holds included
    bool is_lower;
  };
  // Nothing: it is not due, or the limit stays.
  [[nodiscard]] std::optional<Change> look(std::int64_t now_ms) STRATA_EXCLUDES(mutex_);

 private:
  [[nodiscard]] bool is_due(std::int64_t now_ms) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::optional<Change> judge(std::int64_t now_ms) STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t grown(std::uint64_t room_bytes) const noexcept STRATA_REQUIRES(mutex_);

  os::LinuxSystemMemory own_;
  const os::SystemMemory& system_;
  std::atomic<bool> is_on_ = false;
  std::atomic<std::uint64_t> max_bytes_ = 0;
  mutable sync::Mutex mutex_{sync::LockRank{.name = "dynamic sizing", .order = 75}};
  DynamicSizing settings_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t limit_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::int64_t next_ms_ STRATA_GUARDED_BY(mutex_) = 0;     // 0: at once
  std::int64_t changed_ms_ STRATA_GUARDED_BY(mutex_) = 0;  // when the limit changed last
};

}  // namespace strata::cache
