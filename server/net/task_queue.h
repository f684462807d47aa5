#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "server/net/poller.h"

namespace strata::server {

// Tasks handed to an event loop, by itself for later or by other threads. Thread safety: `post` from any thread, `run` from the loop's own.
class TaskQueue {
 public:
  // `poller`: what the loop waits with; outlives the queue.
  explicit TaskQueue(Poller& poller) : poller_(poller) {}
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // Has `task` run in one of the next turns, after those posted before it.
  void post(std::function<void()> task);
  // Runs what has been posted; what these post waits for the next turn. REQUIRES: called after the poller was woken.
  void run();

 private:
  Poller& poller_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_;  // empty but in `run`; kept for its memory
};

}  // namespace strata::server
