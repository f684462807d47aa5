#include "engine/sync/shared_mutex.h"

#include "engine/sync/futex.h"

namespace strata::sync {

// Why a writer sees what readers did and the other way round: each count is changed by read-modify-write operations only, so whoever
// acquires one of its values synchronises with every release before it. A reader releases readers_ (and departing_, if a writer is
// there), the writer acquires both; a writer releases readers_ and admitted_, a reader acquires the one by which it got in.

// The analysis can not follow that the inner lock is part of this one.
void SharedMutex::lock() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  note_taking(this, rank());
  writers_.lock();
  const std::int32_t readers = readers_.fetch_sub(kMostReaders, std::memory_order_acquire);
  if (readers != 0) wait_for_readers(static_cast<std::uint32_t>(readers));
}

bool SharedMutex::try_lock() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  if (!writers_.try_lock()) return false;
  std::int32_t expected = 0;
  if (!readers_.compare_exchange_strong(expected, -kMostReaders, std::memory_order_acquire, std::memory_order_relaxed)) {
    writers_.unlock();
    return false;
  }
  note_taking(this, rank());
  return true;
}

void SharedMutex::unlock() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  note_given_back(this, rank());
  const std::int32_t waiting = readers_.fetch_add(kMostReaders, std::memory_order_release) + kMostReaders;
  if (waiting > 0) {
    // They count as readers from here on: the next writer waits for them, wherever they are on their way in.
    admitted_.fetch_add(static_cast<std::uint32_t>(waiting), std::memory_order_release);
    futex_wake(admitted_, static_cast<std::uint32_t>(waiting));
  }
  writers_.unlock();
}

bool SharedMutex::try_lock_shared() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  std::int32_t readers = readers_.load(std::memory_order_relaxed);
  while (readers >= 0) {
    if (!readers_.compare_exchange_weak(readers, readers + 1, std::memory_order_acquire, std::memory_order_relaxed)) continue;
    note_taking(this, rank());
    return true;
  }
  return false;
}

// Any place will do, also one that was meant for a reader of an earlier phase: as many go in as were counted, and that is what the
// writers go by.
void SharedMutex::wait_for_writer() noexcept {
  contentions_.fetch_add(1, std::memory_order_relaxed);
  for (int spin = 0;; ++spin) {
    std::uint32_t places = admitted_.load(std::memory_order_relaxed);
    while (places > 0) {
      if (admitted_.compare_exchange_weak(places, places - 1, std::memory_order_acquire, std::memory_order_relaxed)) return;
    }
    if (spin < kSpins) {
      pause();
    } else {
      futex_wait(admitted_, 0);
    }
  }
}

// Readers that were in when the writer came, `readers` of them, subtract themselves, perhaps before the writer has added them.
void SharedMutex::wait_for_readers(std::uint32_t readers) noexcept {
  contentions_.fetch_add(1, std::memory_order_relaxed);
  std::uint32_t left = departing_.fetch_add(readers, std::memory_order_acquire) + readers;
  for (int spin = 0; left != 0; ++spin) {
    if (spin < kSpins) {
      pause();
    } else {
      futex_wait(departing_, left);
    }
    left = departing_.load(std::memory_order_acquire);
  }
}

void SharedMutex::depart() noexcept {
  // At zero the writer has counted this thread and waits for nobody else.
  if (departing_.fetch_sub(1, std::memory_order_release) == 1) futex_wake(departing_, 1);
}

}  // namespace strata::sync
