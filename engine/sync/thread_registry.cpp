#include "engine/sync/thread_registry.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace strata::sync {
namespace {

static_assert(PTHREAD_DESTRUCTOR_ITERATIONS > kThreadExitRounds);

struct ThreadExit {
  ThreadExitHook* added = nullptr;  // the last one first
  ThreadExitHook* due = nullptr;    // those of the round that runs now
  int rounds_run = 0;
  bool noticed = false;  // the key is set: the system will call us
};

constinit pthread_once_t key_once = PTHREAD_ONCE_INIT;
constinit pthread_key_t key = 0;
constinit bool has_key = false;
constinit thread_local ThreadExit thread_exit;

bool have_end_noticed() noexcept { return ::pthread_setspecific(key, &thread_exit) == 0; }

// One round. The end is to be noticed again whether or not a hook is left: so we are called in every round, and know after the last one
// that nothing will be run any more.
void run_hooks(void*) {
  ++thread_exit.rounds_run;
  thread_exit.noticed = thread_exit.rounds_run < kThreadExitRounds && have_end_noticed();
  thread_exit.due = thread_exit.added;
  thread_exit.added = nullptr;
  while (ThreadExitHook* const hook = thread_exit.due) {
    thread_exit.due = hook->added_before;
    hook->added_before = nullptr;
    hook->run(*hook);
  }
}

void make_key() { has_key = ::pthread_key_create(&key, run_hooks) == 0; }

// Whether it was in the list.
bool take_out(ThreadExitHook*& first, ThreadExitHook& hook) noexcept {
  ThreadExitHook** at = &first;
  while (*at != nullptr && *at != &hook) at = &(*at)->added_before;
  if (*at == nullptr) return false;
  *at = hook.added_before;
  hook.added_before = nullptr;
  return true;
}

}  // namespace

bool add_thread_exit_hook(ThreadExitHook& hook) noexcept {
  ThreadExit& own = thread_exit;
  if (own.rounds_run >= kThreadExitRounds) return false;
  if (!own.noticed) {
    (void)::pthread_once(&key_once, make_key);
    own.noticed = has_key && have_end_noticed();
    if (!own.noticed) return false;
  }
  hook.added_before = own.added;
  own.added = &hook;
  return true;
}

void remove_thread_exit_hook(ThreadExitHook& hook) noexcept {
  // What is due was added before this round began, all else during it.
  if (!take_out(thread_exit.added, hook)) (void)take_out(thread_exit.due, hook);
}

void ThreadEntry::thread_ends(ThreadExitHook& hook) noexcept {
  ThreadEntry& entry = static_cast<Hook&>(hook).entry;
  entry.registry_->unlink(entry);
  entry.ended_(entry);
}

bool ThreadRegistry::enter(ThreadEntry& entry) noexcept {
  if (!add_thread_exit_hook(entry.hook_)) return false;
  entry.registry_ = this;
  entry.kernel_id_ = static_cast<pid_t>(::syscall(SYS_gettid));
  const MutexLock lock(mutex_);
  entry.previous_ = nullptr;
  entry.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &entry;
  first_ = &entry;
  ++size_;
  return true;
}

void ThreadRegistry::leave(ThreadEntry& entry) noexcept {
  remove_thread_exit_hook(entry.hook_);
  unlink(entry);
}

void ThreadRegistry::unlink(ThreadEntry& entry) noexcept {
  const MutexLock lock(mutex_);
  (entry.previous_ == nullptr ? first_ : entry.previous_->next_) = entry.next_;
  if (entry.next_ != nullptr) entry.next_->previous_ = entry.previous_;
  entry.registry_ = nullptr;
  --size_;
}

}  // namespace strata::sync
