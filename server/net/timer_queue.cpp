#include "server/net/timer_queue.h"

namespace strata::server {

// One by one: a task may be the last to hold who holds other tasks of the queue, or this one.
TimerQueue::~TimerQueue() {
  while (!tasks_.empty()) (void)tasks_.extract(tasks_.begin());
}

std::shared_ptr<void> TimerQueue::add(Time due, std::function<void()> task) {
  const Key key{due, added_++};
  tasks_.emplace(key, std::move(task));
  return {static_cast<void*>(this), [key](void* queue) {
            // Out of the queue before it goes: with it may go who holds other tasks.
            (void)static_cast<TimerQueue*>(queue)->tasks_.extract(key);
          }};
}

std::optional<TimerQueue::Time> TimerQueue::next() const {
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.first;
}

void TimerQueue::run(Time now) {
  const std::uint64_t before = added_;
  for (auto next = tasks_.begin(); next != tasks_.end() && next->first.first <= now;) {
    const Key key = next->first;
    if (key.second < before) tasks_.extract(next).mapped()();
    next = tasks_.upper_bound(key);
  }
}

}  // namespace strata::server
