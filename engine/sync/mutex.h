#pragma once

#include <mutex>

#include "engine/sync/thread_annotations.h"

namespace strata::sync {

// std::mutex that the compiler can follow: members say which mutex guards them, functions which one they need.
class STRATA_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() STRATA_ACQUIRE() { mutex_.lock(); }
  void unlock() STRATA_RELEASE() { mutex_.unlock(); }
  // Tells the analysis that the calling thread holds this mutex by a way it can not see. Does nothing at run time.
  void assert_held() const noexcept STRATA_ASSERT_HELD() {}

 private:
  std::mutex mutex_;
};

// Holds a mutex from construction to destruction.
class STRATA_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) STRATA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() STRATA_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace strata::sync
