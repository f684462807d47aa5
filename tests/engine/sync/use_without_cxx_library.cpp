// Instantiates the templates of engine/sync that allocate nothing, to be linked without the C++ library.
#include "engine/sync/event_count.h"
#include "engine/sync/lock_free_stack.h"
#include "engine/sync/mpsc_queue.h"
#include "engine/sync/quiescent_state.h"
#include "engine/sync/thread_registry.h"

namespace strata::sync {

struct Queued : MpscQueueNode {};
struct Stacked : LockFreeStackNode {};

template class MpscQueue<Queued>;
template class LockFreeStack<Stacked>;

// Constructed before any code runs.
constinit MpscQueue<Queued> queue;
constinit LockFreeStack<Stacked> stack;
constinit EventCount event;
constinit ThreadRegistry registry;

std::size_t count_threads() noexcept {
  std::size_t count = 0;
  registry.for_each([&](const ThreadEntry&) { ++count; });
  event.notify_all();
  return count;
}

}  // namespace strata::sync
