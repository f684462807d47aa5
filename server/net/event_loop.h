#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "server/commands/reply.h"
#include "server/commands/server_state.h"
#include "server/net/connection.h"
#include "server/net/descriptor.h"
#include "server/net/poller.h"
#include "server/net/task_queue.h"
#include "server/net/timer_queue.h"
#include "server/net/tls_context.h"
#include "server/process_memory.h"

namespace strata::server {

// One thread that serves its share of the connections and looks after its share of the cache's shards (every `count`-th one).
// Thread safety: `adopt`, `stop`, `run_soon` and `connections` from any thread; all else only from the loop's own.
class EventLoop {
 public:
  EventLoop(ServerState& server, unsigned index, unsigned count);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void start();
  // Takes over a connected socket. `tls`: whose contexts it speaks TLS with; a null pointer: it does not.
  void adopt(Descriptor socket, std::shared_ptr<Client> client, TlsFront* tls);
  // Ends every connection gracefully, at the deadline by force, and then the thread.
  void stop(std::chrono::steady_clock::time_point deadline);
  void join();

  // Connections now, those on their way included.
  [[nodiscard]] std::uint64_t connections() const noexcept { return statistics_.connections.load(std::memory_order_relaxed); }

  // For its connections.
  [[nodiscard]] ServerState& server() noexcept { return server_; }
  [[nodiscard]] Session& session() noexcept { return *session_; }
  [[nodiscard]] Reply& reply() noexcept { return reply_; }
  [[nodiscard]] RequestBatch& batch() noexcept { return batch_; }
  [[nodiscard]] LoopStatistics& statistics() noexcept { return statistics_; }
  [[nodiscard]] std::span<char> shared_input() noexcept { return input_; }
  // Reads the clock; once per turn.
  void begin_turn() noexcept;
  void run_soon(std::function<void()> task);
  // Letting go of the result cancels the task.
  [[nodiscard]] std::shared_ptr<void> run_after(std::chrono::milliseconds delay, std::function<void()> task);
  void forget(Connection& connection);
  // Disconnects a client where all of them hold more than they may.
  void limit_clients();

 private:
  void run();
  [[nodiscard]] std::unique_ptr<Transport> make_transport(Descriptor socket, TlsFront* tls);
  void serve(Descriptor socket, const std::shared_ptr<Client>& client, TlsFront* tls);
  void begin_stop(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::chrono::steady_clock::time_point next_due() const;
  void run_due(std::chrono::steady_clock::time_point now);
  void tick(std::chrono::steady_clock::time_point now);
  void upkeep();
  void drop_idle();

  ServerState& server_;
  unsigned index_;
  unsigned count_;
  LoopStatistics& statistics_;
  Poller poller_;
  std::unique_ptr<Session> session_;
  Reply reply_;
  RequestBatch batch_;
  std::vector<char> input_;
  // Timers and tasks hold connections, and these refer to all that stands before.
  TimerQueue timers_;
  TaskQueue tasks_{poller_};
  // What comes again and again needs no memory for it.
  std::chrono::steady_clock::time_point tick_due_;
  std::chrono::steady_clock::time_point upkeep_due_;
  std::chrono::steady_clock::time_point end_due_ = std::chrono::steady_clock::time_point::max();
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  // One for all loops: the first one's.
  LinuxSystemMemory system_memory_;
  std::optional<ProcessMemory> process_memory_;
  std::uint64_t ticks_ = 0;
  bool stopping_ = false;  // nobody new is served
  bool is_over_ = false;   // the thread ends with this turn
  std::thread thread_;
};

}  // namespace strata::server
