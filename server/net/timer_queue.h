#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace strata::server {

// Tasks of one event loop that wait for a time. Reads no clock itself. Thread safety: none; the loop's own.
class TimerQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  TimerQueue() = default;
  // What still waits is let go and not run.
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Letting go of the result cancels the task. REQUIRES: that happens before the queue ends, or because it ends.
  [[nodiscard]] std::shared_ptr<void> add(Time due, std::function<void()> task);
  [[nodiscard]] std::optional<Time> next() const;
  // Runs what is due, in the order of time; what these add waits for the next call.
  void run(Time now);

 private:
  using Key = std::pair<Time, std::uint64_t>;  // the second tells apart what is due at the same time

  std::map<Key, std::function<void()>> tasks_;
  std::uint64_t added_ = 0;
};

}  // namespace strata::server
