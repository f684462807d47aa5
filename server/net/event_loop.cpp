#include "server/net/event_loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <new>
#include <utility>

#include "server/net/socket_transport.h"
#include "server/net/tls_transport.h"

namespace strata::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSharedInputBytes = 64ULL << 10;
constexpr auto kTick = std::chrono::milliseconds(100);
// Upkeep takes at most a quarter of a core while there is work: one slice in four.
constexpr auto kUpkeepSlice = std::chrono::microseconds(500);
constexpr auto kUpkeepBusyPause = std::chrono::microseconds(1500);
constexpr auto kUpkeepIdlePause = std::chrono::milliseconds(100);
constexpr std::uint64_t kTicksPerIdleCheck = 10;

}  // namespace

EventLoop::EventLoop(ServerState& server, unsigned index, unsigned count)
    : server_(server),
      index_(index),
      count_(count),
      statistics_(server.statistics.add_loop()),
      session_(server.cache.open_session()),
      input_(kSharedInputBytes) {
  server_.cache.budget().charge(Purpose::client_buffers, static_cast<std::int64_t>(input_.capacity()));
  if (index_ == 0) process_memory_.emplace(server_.cache, system_memory_);
}

EventLoop::~EventLoop() {
  join();
  server_.cache.budget().charge(Purpose::client_buffers, -static_cast<std::int64_t>(input_.capacity()));
}

void EventLoop::start() {
  begin_turn();
  tick_due_ = Clock::now() + kTick;
  upkeep_due_ = Clock::now() + kUpkeepIdlePause;
  thread_ = std::thread([this] { run(); });
}

void EventLoop::run() {
  while (!is_over_) {
    poller_.wake_at(next_due());
    const Poller::Turn turn = poller_.turn();
    if (turn.time_has_come) run_due(Clock::now());
    if (turn.was_woken) tasks_.run();
  }
}

Clock::time_point EventLoop::next_due() const {
  return std::min({tick_due_, upkeep_due_, end_due_, timers_.next().value_or(Clock::time_point::max())});
}

void EventLoop::run_due(Clock::time_point now) {
  timers_.run(now);
  if (now >= tick_due_) tick(now);
  if (now >= upkeep_due_) upkeep();
  if (now >= end_due_) is_over_ = true;
}

void EventLoop::adopt(Descriptor socket, std::shared_ptr<Client> client, TlsFront* tls) {
  statistics_.connections.fetch_add(1, std::memory_order_relaxed);
  run_soon([this, socket = std::make_shared<Descriptor>(std::move(socket)), client = std::move(client), tls] {
    try {
      serve(std::move(*socket), client, tls);
    } catch (const std::bad_alloc&) {
      spdlog::warn("could not serve client {} ({}): memory is out", client->identity().id, client->identity().peer_address);
      client->set_disconnect(nullptr);
      client->set_wake(nullptr);
      server_.clients.remove(client->identity().id);
      statistics_.connections.fetch_sub(1, std::memory_order_relaxed);
    }
  });
}

std::unique_ptr<Transport> EventLoop::make_transport(Descriptor socket, TlsFront* tls) {
  if (tls == nullptr) return make_socket_transport(std::move(socket), poller_);
  const auto soon = [this](std::function<void()> task) { run_soon(std::move(task)); };
  return make_tls_transport(std::move(socket), poller_, soon, tls->current(), statistics_.traffic);
}

void EventLoop::serve(Descriptor socket, const std::shared_ptr<Client>& client, TlsFront* tls) {
  const auto connection = std::make_shared<Connection>(*this, make_transport(std::move(socket), tls), client);
  client->set_disconnect([this, weak = std::weak_ptr(connection)](Client::Reason reason) {
    run_soon([weak, reason] {
      if (const auto disconnected = weak.lock()) disconnected->disconnect(reason);
    });
  });
  client->set_wake([this, weak = std::weak_ptr(connection)] {
    run_soon([weak] {
      if (const auto woken = weak.lock()) woken->on_wake();
    });
  });
  connections_.emplace(connection.get(), connection);
  if (stopping_) return connection->close();
  connection->start();
}

void EventLoop::forget(Connection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  const std::shared_ptr<Connection> keep = std::move(found->second);  // until this function is over
  connection.client().set_disconnect(nullptr);
  connection.client().set_wake(nullptr);
  server_.clients.remove(connection.client().identity().id);
  connections_.erase(found);
  statistics_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (stopping_ && connections_.empty()) is_over_ = true;
}

void EventLoop::stop(Clock::time_point deadline) {
  run_soon([this, deadline] { begin_stop(deadline); });
}

void EventLoop::begin_stop(Clock::time_point deadline) {
  stopping_ = true;
  begin_turn();
  std::vector<std::shared_ptr<Connection>> open;
  for (const auto& [key, connection] : connections_) open.push_back(connection);
  for (const auto& connection : open) connection->close_gracefully();
  is_over_ = connections_.empty();
  end_due_ = deadline;
}

void EventLoop::join() {
  if (!thread_.joinable()) return;
  thread_.join();
  // Past the deadline: what is still open ends here, on this thread, now that the loop's own is gone.
  std::vector<std::shared_ptr<Connection>> open;
  for (const auto& [key, connection] : connections_) open.push_back(connection);
  for (const auto& connection : open) connection->close();
}

void EventLoop::begin_turn() noexcept {
  session_->set_now_ms(os::wall_clock_ms());
  statistics_.traffic.turns.add();
}

void EventLoop::run_soon(std::function<void()> task) { tasks_.post(std::move(task)); }

std::shared_ptr<void> EventLoop::run_after(std::chrono::milliseconds delay, std::function<void()> task) {
  // Clients name delays that no clock of nanoseconds reaches.
  constexpr std::chrono::hours kLongest{24 * 365 * 100};
  return timers_.add(Clock::now() + std::min<std::chrono::milliseconds>(delay, kLongest), std::move(task));
}

void EventLoop::tick(Clock::time_point now) {
  const auto late = now - tick_due_;
  const auto late_ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(late).count());
  statistics_.traffic.loop_lag.buckets[Histogram<Counter>::bucket_of(late_ns)].add();
  statistics_.traffic.loop_lag_nanoseconds.add(late_ns);
  begin_turn();
  if (server_.latency.notes(late_ns)) server_.latency.note(LatencyMonitor::Event::loop_lag, late_ns, session_->now_ms());
  if (process_memory_) process_memory_->update();
  limit_clients();
  if (++ticks_ % kTicksPerIdleCheck == 0) drop_idle();
  tick_due_ = Clock::now() + kTick;
}

void EventLoop::upkeep() {
  begin_turn();
  const cache::UpkeepReport report = server_.cache.upkeep(*session_, index_, count_, kUpkeepSlice);
  strata_thread_idle();
  upkeep_due_ = Clock::now() + (report.more ? Clock::duration(kUpkeepBusyPause) : Clock::duration(kUpkeepIdlePause));
}

void EventLoop::limit_clients() {
  const Cache& cache = server_.cache;
  const std::uint64_t own = kSharedInputBytes * server_.facts.threads;
  const std::uint64_t held = cache.budget().bytes(Purpose::client_buffers) + cache.held_value_bytes();
  if (held > own + server_.limits.all_clients_bytes.load(std::memory_order_relaxed)) [[unlikely]]
    server_.clients.disconnect_largest();
}

void EventLoop::drop_idle() {
  const std::chrono::milliseconds limit(server_.limits.idle_timeout_ms.load(std::memory_order_relaxed));
  if (limit.count() == 0) return;
  std::vector<std::shared_ptr<Connection>> idle;
  for (const auto& [key, connection] : connections_) {
    if (connection->idle_longer_than(limit, session_->now_ms())) idle.push_back(connection);
  }
  for (const auto& connection : idle) {
    statistics_.traffic.dropped_idle.add();
    connection->close();
  }
}

}  // namespace strata::server
