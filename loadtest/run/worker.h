#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "loadtest/options.h"
#include "loadtest/report/recorder.h"
#include "loadtest/run/run_clock.h"
#include "loadtest/run/socket.h"

namespace strata::loadtest {

// One thread of load with its connections. Made, connected and run by that thread; others read progress() at any time and the
// rest after run() has returned.
class Worker {
 public:
  // The options outlive this.
  explicit Worker(const Options& options);
  virtual ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Opens all connections. False, and a line in `problem`, if the server is not there or refuses.
  bool connect(std::string& problem);
  // Sends until the window ends, then waits for the replies still due. False, and a line in `problem`, if that failed.
  bool run(const Window& window, std::string& problem);

  [[nodiscard]] const Recorder& recorder() const noexcept { return recorder_; }
  [[nodiscard]] const RunClock& clock() const noexcept { return clock_; }
  // Replies so far, the warm-up included.
  [[nodiscard]] std::uint64_t progress() const noexcept { return progress_.load(std::memory_order_relaxed); }
  // Connections that the server closed and that were opened anew.
  [[nodiscard]] std::uint64_t dropped_connections() const noexcept { return dropped_; }

 protected:
  static constexpr std::size_t kReceiveBytes = std::size_t{256} << 10;
  // How long replies may be due after the last request.
  static constexpr std::uint64_t kDrainNs = 5'000'000'000;

  // Sends what can be sent at the start.
  virtual void begin(std::uint64_t now) = 0;
  // A connection is readable (data has come) or writable again.
  virtual void readable(std::size_t connection, std::string_view data, std::uint64_t now) = 0;
  virtual void writable(std::size_t connection, std::uint64_t now) = 0;
  // Called at least once a turn; sends what is due. Returns when to be called again at the latest.
  virtual std::uint64_t due(std::uint64_t now) = 0;
  // Requests sent, or due to be, whose replies have not come.
  [[nodiscard]] virtual std::uint64_t outstanding() const = 0;
  // Nothing will be sent any more.
  [[nodiscard]] virtual bool finished(std::uint64_t now) const = 0;
  // The run ends without their replies.
  virtual void give_up(std::uint64_t now) = 0;
  // The server closed the connection, and a new one stands in its place: replies to what was sent will not come. Called only
  // where that is allowed.
  virtual void dropped(std::size_t connection, std::uint64_t now) = 0;

  // Sends as much as the socket takes; returns how much, and asks for writable() if that was not all.
  std::size_t send(std::size_t connection, std::string_view bytes);
  void fail(std::string problem);
  void add_progress(std::uint64_t replies) noexcept {
    progress_.store(progress_.load(std::memory_order_relaxed) + replies, std::memory_order_relaxed);
  }

  const Options& options_;
  Recorder recorder_;
  RunClock clock_{recorder_};

 private:
  // Both return the time as they last read it: a clock read costs, at one request a turn, as much as the request's own work.
  std::uint64_t turn(std::uint64_t now);
  std::uint64_t receive(std::size_t connection, std::uint64_t now);
  void wait_for_writable(std::size_t connection, bool wanted);
  void watch(std::size_t connection, int epoll_operation) const;
  [[nodiscard]] std::size_t most_to_read() const noexcept;
  // Reads from the connection no more until what it has read is as old as its rate demands.
  void rest_from_reading(std::size_t connection, std::size_t received, std::uint64_t now);
  void read_again(std::uint64_t now);
  void open_anew(std::size_t connection, std::uint64_t now);

  int epoll_ = -1;
  std::vector<Socket> sockets_;
  std::vector<bool> waits_for_writable_;
  std::vector<bool> rests_from_reading_;
  struct Rest {
    std::uint64_t until_ns;
    std::size_t connection;
    bool operator>(const Rest& other) const noexcept { return until_ns > other.until_ns; }
  };
  std::priority_queue<Rest, std::vector<Rest>, std::greater<>> rests_;  // the first to end on top
  std::uint64_t dropped_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::string problem_;
  std::atomic<std::uint64_t> progress_{0};
};

}  // namespace strata::loadtest
