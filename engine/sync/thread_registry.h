#pragma once

#include <sys/types.h>

#include <cstddef>

#include "engine/sync/lock_rank.h"
#include "engine/sync/mutex.h"
#include "engine/sync/thread_annotations.h"

namespace strata::sync {

// What a thread does when it ends. Whoever has something for a thread embeds one, or derives from it.
struct ThreadExitHook {
  // Called once, by the thread that added the hook, when it is in no list any more: the hook's memory may be freed by it.
  using Run = void (*)(ThreadExitHook& hook) noexcept;

  explicit constexpr ThreadExitHook(Run what) : run(what) {}

  Run run;
  ThreadExitHook* added_before = nullptr;
};

// How often a thread that ends looks for hooks again: those that hooks, or other libraries' ends of threads, have added meanwhile. One round
// less than POSIX promises (PTHREAD_DESTRUCTOR_ITERATIONS is at least 4): in the last one the thread sanitizer forgets the thread.
constexpr int kThreadExitRounds = 3;

// Adds a hook of the calling thread. The hooks run when its thread_local objects have been destroyed already, in reverse order of adding;
// one that is added while they run, in the next round, up to kThreadExitRounds. The hook must stay where it is until it has run or
// been removed; so it must not lie in a thread_local object with a destructor that does not remove it.
// False: it would never run, because the thread is past its last round or the system has no key left. A thread that adds its very first
// hook when another library has delayed its end already, by three rounds or more, may get true and no run.
// The thread that returns from main() ends the process, not itself: its hooks do not run.
// Allocates nothing itself; the C library may, at a thread's first call, if it has handed out 32 keys before.
[[nodiscard]] bool add_thread_exit_hook(ThreadExitHook& hook) noexcept;

// REQUIRES: called by the thread that added it. Does nothing if the hook is not in its list, for instance because it runs.
void remove_thread_exit_hook(ThreadExitHook& hook) noexcept;

class ThreadRegistry;

// What a registry knows of a thread. Derive from it to keep more.
class ThreadEntry {
 public:
  // Called by the thread at its end, out of the registry already: the entry's memory may be freed by it.
  using Ended = void (*)(ThreadEntry& entry) noexcept;

  explicit ThreadEntry(Ended ended) noexcept : hook_(*this), ended_(ended) {}
  ThreadEntry(const ThreadEntry&) = delete;
  ThreadEntry& operator=(const ThreadEntry&) = delete;

  // The kernel's number of the thread, as in /proc/self/task. 0 before it is entered.
  [[nodiscard]] pid_t kernel_id() const noexcept { return kernel_id_; }

 private:
  friend class ThreadRegistry;

  struct Hook : ThreadExitHook {
    explicit Hook(ThreadEntry& of) noexcept : ThreadExitHook(thread_ends), entry(of) {}
    ThreadEntry& entry;
  };
  static void thread_ends(ThreadExitHook& hook) noexcept;

  Hook hook_;
  Ended ended_;
  ThreadRegistry* registry_ = nullptr;
  ThreadEntry* next_ = nullptr;
  ThreadEntry* previous_ = nullptr;
  pid_t kernel_id_ = 0;
};

// The live threads that take part in something, each with an entry, which leaves when its thread ends. There may be several registries, one
// for each thing. Allocates nothing: the entries are the caller's. After a fork the child finds the entries of threads that it does not
// have; what becomes of them is for the owner to say.
// Thread safety: all members, from any thread, except where they say otherwise.
class ThreadRegistry {
 public:
  constexpr ThreadRegistry() = default;
  constexpr explicit ThreadRegistry(LockRank rank) : mutex_(rank) {}
  ThreadRegistry(const ThreadRegistry&) = delete;
  ThreadRegistry& operator=(const ThreadRegistry&) = delete;

  // Enters the calling thread. REQUIRES: `entry` is in no registry, and stays where it is until it has left.
  // False: its end would not be noticed (see add_thread_exit_hook), and it is not entered.
  [[nodiscard]] bool enter(ThreadEntry& entry) noexcept STRATA_EXCLUDES(mutex_);
  // Before the thread ends. REQUIRES: called by the thread that entered. Its Ended is not called.
  void leave(ThreadEntry& entry) noexcept STRATA_EXCLUDES(mutex_);

  // Calls `visit(ThreadEntry&)` for each, last come first. No thread comes or ends meanwhile: they wait. It must neither enter nor leave.
  template <typename Visitor>
  void for_each(Visitor&& visit) STRATA_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    for (ThreadEntry* entry = first_; entry != nullptr; entry = entry->next_) visit(*entry);
  }
  [[nodiscard]] std::size_t size() const noexcept STRATA_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return size_;
  }

 private:
  friend class ThreadEntry;

  void unlink(ThreadEntry& entry) noexcept STRATA_EXCLUDES(mutex_);

  mutable Mutex mutex_;
  ThreadEntry* first_ STRATA_GUARDED_BY(mutex_) = nullptr;
  std::size_t size_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::sync
