#include "server/net/task_queue.h"

#include <utility>

namespace strata::server {

namespace {

// Beyond this a burst of tasks does not leave its memory behind.
constexpr std::size_t kKeptTasks = 1024;

}  // namespace

void TaskQueue::post(std::function<void()> task) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (is_first) poller_.wake();
}

void TaskQueue::run() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (auto& task : running_) std::exchange(task, nullptr)();
  running_.clear();
  if (running_.capacity() > kKeptTasks) running_.shrink_to_fit();
}

}  // namespace strata::server
