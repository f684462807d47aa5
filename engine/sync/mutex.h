#pragma once

#include <cstdint>

#include "engine/sync/atomic.h"
#include "engine/sync/lock_rank.h"
#include "engine/sync/thread_annotations.h"

namespace strata::sync {

// A mutual exclusion lock of 16 bytes: spins for about a microsecond, then sleeps in the kernel (the three states of U. Drepper, "Futexes
// are tricky", 2011). Not recursive, not fair. Allocates nothing and needs no construction at run time, so the allocator can stand on it.
// The compiler follows it: members say which mutex guards them, functions which one they need.
class STRATA_CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() = default;
  constexpr explicit Mutex(LockRank rank) : name_(rank.name), order_(rank.order) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() noexcept STRATA_ACQUIRE() {
    note_taking(this, rank());
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) lock_contended();
  }
  // As lock(), but not checked against the other locks of its rank: for a thread that takes all of them, while a lock of lower rank, which it
  // holds, keeps others from doing the same.
  void lock_in_series() noexcept STRATA_ACQUIRE() {
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) lock_contended();
  }
  // Returns false if somebody holds it.
  [[nodiscard]] bool try_lock() noexcept STRATA_TRY_ACQUIRE(true) {
    std::uint32_t expected = kFree;
    const bool taken = state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed);
    if (taken) note_taking(this, rank());
    return taken;
  }
  void unlock() noexcept STRATA_RELEASE() {
    note_given_back(this, rank());
    if (state_.exchange(kFree, std::memory_order_release) == kHeldWithSleepers) wake_one();
  }
  // Tells the analysis that the calling thread holds this mutex by a way it can not see. Does nothing at run time.
  void assert_held() const noexcept STRATA_ASSERT_HELD() {}

  [[nodiscard]] const char* name() const noexcept { return name_; }
  // How many times a thread found it held and had to wait. Wraps around.
  [[nodiscard]] std::uint16_t contentions() const noexcept { return contentions_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kHeldWithSleepers = 2;

  void lock_contended() noexcept;
  void wake_one() noexcept;
  [[nodiscard]] LockRank rank() const noexcept { return {.name = name_, .order = order_}; }

  const char* name_ = LockRank{}.name;
  Atomic<std::uint32_t> state_ = kFree;
  std::uint16_t order_ = 0;
  Atomic<std::uint16_t> contentions_ = 0;
};
static_assert(sizeof(Mutex) == 16);

// Holds a mutex from construction to destruction.
class STRATA_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) noexcept STRATA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() STRATA_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace strata::sync
