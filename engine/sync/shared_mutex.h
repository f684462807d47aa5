#pragma once

#include <atomic>
#include <cstdint>

#include "engine/sync/lock_rank.h"
#include "engine/sync/mutex.h"
#include "engine/sync/thread_annotations.h"

namespace strata::sync {

// A lock of 32 bytes that many readers or one writer hold; spins for about a microsecond, then sleeps in the kernel. Phase-fair (B. Brandenburg,
// J. Anderson, "Reader-writer synchronization for shared-memory multiprocessor real-time systems", 2009), in the form of Go's
// sync.RWMutex: a writer that has come keeps later readers out and waits only for those that are in; when it is done, all readers
// that waited go in before the next writer. So readers starve no writer, and writers no readers. Among themselves writers are as fair
// as a Mutex. Taking it for reading costs one atomic operation on a line that all readers share, giving it back another.
// Not recursive, neither way: a reader that comes again can wait for a writer that waits for it. Whoever destroys it must know that no
// unlock() is still running: a writer's touches it after the readers that waited may have come and gone. Allocates nothing and needs no
// construction at run time.
class STRATA_CAPABILITY("shared mutex") SharedMutex {
 public:
  constexpr SharedMutex() = default;
  // The inner lock takes no part in the order: this one stands for both.
  constexpr explicit SharedMutex(LockRank rank) : writers_(LockRank{.name = rank.name, .order = 0}), order_(rank.order) {}
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() noexcept STRATA_ACQUIRE();
  // Returns false if somebody holds it.
  [[nodiscard]] bool try_lock() noexcept STRATA_TRY_ACQUIRE(true);
  void unlock() noexcept STRATA_RELEASE();

  void lock_shared() noexcept STRATA_ACQUIRE_SHARED() {
    note_taking(this, rank());
    if (readers_.fetch_add(1, std::memory_order_acquire) < 0) wait_for_writer();
  }
  // Returns false if a writer holds it or waits for it.
  [[nodiscard]] bool try_lock_shared() noexcept STRATA_TRY_ACQUIRE_SHARED(true);
  void unlock_shared() noexcept STRATA_RELEASE_SHARED() {
    note_given_back(this, rank());
    if (readers_.fetch_sub(1, std::memory_order_release) < 0) depart();
  }

  // Tell the analysis what it can not see. Nothing happens at run time.
  void assert_held() const noexcept STRATA_ASSERT_HELD() {}
  void assert_held_shared() const noexcept STRATA_ASSERT_HELD_SHARED() {}

  [[nodiscard]] const char* name() const noexcept { return writers_.name(); }
  // How many times a thread, reader or writer, had to wait; a writer that waits for another writer and then for readers counts twice.
  // Wraps around.
  [[nodiscard]] std::uint16_t contentions() const noexcept {
    return static_cast<std::uint16_t>(contentions_.load(std::memory_order_relaxed) + writers_.contentions());
  }

 private:
  // More readers at once than there can be threads.
  static constexpr std::int32_t kMostReaders = std::int32_t{1} << 30;

  void wait_for_writer() noexcept;
  void wait_for_readers(std::uint32_t readers) noexcept;
  void depart() noexcept;
  [[nodiscard]] LockRank rank() const noexcept { return {.name = name(), .order = order_}; }

  Mutex writers_;  // the writer that holds the lock or is the next to hold it
  // Readers that are in or wait to be let in; kMostReaders less while there is a writer.
  std::atomic<std::int32_t> readers_ = 0;
  // Readers that the writer has yet to wait for. Below zero, as a two's complement, while some have left and it has not counted them yet.
  std::atomic<std::uint32_t> departing_ = 0;
  // Places for readers that a writer has let in and that have not been taken yet.
  std::atomic<std::uint32_t> admitted_ = 0;
  std::uint16_t order_ = 0;
  std::atomic<std::uint16_t> contentions_ = 0;
};
static_assert(sizeof(SharedMutex) == 32);

// Holds a shared mutex for writing from construction to destruction.
class STRATA_SCOPED_CAPABILITY SharedMutexWriteLock {
 public:
  explicit SharedMutexWriteLock(SharedMutex& mutex) noexcept STRATA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~SharedMutexWriteLock() STRATA_RELEASE() { mutex_.unlock(); }
  SharedMutexWriteLock(const SharedMutexWriteLock&) = delete;
  SharedMutexWriteLock& operator=(const SharedMutexWriteLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Holds a shared mutex for reading from construction to destruction.
class STRATA_SCOPED_CAPABILITY SharedMutexReadLock {
 public:
  explicit SharedMutexReadLock(SharedMutex& mutex) noexcept STRATA_ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~SharedMutexReadLock() STRATA_RELEASE() { mutex_.unlock_shared(); }
  SharedMutexReadLock(const SharedMutexReadLock&) = delete;
  SharedMutexReadLock& operator=(const SharedMutexReadLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace strata::sync
