#include "loadtest/run/open_loop.h"

#include <utility>

namespace strata::loadtest {

namespace {

constexpr std::uint64_t kLateNs = 1'000'000;
// What a connection may hold; beyond it requests wait outside, and stay due.
constexpr std::size_t kWaitingReplies = 100'000;
constexpr std::size_t kUnsentBytes = std::size_t{16} << 20;

}  // namespace

OpenLoop::OpenLoop(const Options& options, std::unique_ptr<RequestStream> stream, const Arrivals& arrivals)
    : Worker(options), stream_(std::move(stream)), arrivals_(arrivals) {
  connections_.reserve(options.connections);
  for (unsigned i = 0; i < options.connections; ++i) connections_.emplace_back(options.target.protocol);
}

void OpenLoop::begin(std::uint64_t now) { arrivals_.start(now); }

bool OpenLoop::finished(std::uint64_t now) const {
  return now >= clock_.window().end_ns && arrivals_.next_ns() >= clock_.window().end_ns;
}

OpenLoop::Connection* OpenLoop::choose() {
  for (std::size_t tried = 0; tried < connections_.size(); ++tried) {
    Connection& connection = connections_[turn_++ % connections_.size()];
    if (connection.waiting.size() < kWaitingReplies && connection.unsent.size() < kUnsentBytes) return &connection;
  }
  return nullptr;
}

std::uint64_t OpenLoop::due(std::uint64_t now) {
  constexpr std::uint64_t kFullWaitNs = 1'000'000;
  const std::uint64_t end_ns = clock_.window().end_ns;
  bool any = false;
  while (arrivals_.next_ns() <= now && arrivals_.next_ns() < end_ns) {
    Connection* const connection = choose();
    if (connection == nullptr) return now + kFullWaitNs;
    const Batch requests = stream_->next();
    connection->unsent.append(requests.bytes);
    for (std::uint32_t i = 0; i < requests.count; ++i) connection->waiting.push_back({arrivals_.next_ns(), requests.kinds[i]});
    outstanding_ += requests.count;
    if (now - arrivals_.next_ns() > kLateNs) late_sends_ += requests.count;
    arrivals_.advance();
    any = true;
  }
  for (std::size_t i = 0; any && i < connections_.size(); ++i) {
    if (!connections_[i].unsent.empty()) flush(i);
  }
  return std::min(arrivals_.next_ns(), end_ns);
}

void OpenLoop::flush(std::size_t index) {
  Connection& connection = connections_[index];
  connection.sent += send(index, std::string_view(connection.unsent).substr(connection.sent));
  if (connection.sent < connection.unsent.size()) return;
  connection.unsent.clear();
  connection.sent = 0;
}

void OpenLoop::writable(std::size_t index, std::uint64_t) {
  if (!connections_[index].unsent.empty()) flush(index);
}

void OpenLoop::readable(std::size_t index, std::string_view data, std::uint64_t now) {
  Connection& connection = connections_[index];
  std::uint64_t replies = 0;
  Reply reply;
  while (!data.empty() && connection.scanner.next(data, reply)) {
    if (connection.waiting.empty()) return fail("the server sent a reply that nobody asked for");
    const Waiting request = connection.waiting.front();
    connection.waiting.pop_front();
    recorder_.count(request.kind, reply);
    recorder_.add(request.kind, now - request.due_ns, 1);
    ++replies;
    if (connection.scanner.broken()) return fail("the server's reply is " + std::string(reply.text));
  }
  outstanding_ -= replies;
  add_progress(replies);
}

void OpenLoop::dropped(std::size_t index, std::uint64_t now) {
  // They were due and got no reply: that they count with the time until now is the least that can be said of them.
  Connection& connection = connections_[index];
  for (const Waiting& request : connection.waiting) recorder_.add(request.kind, now - request.due_ns, 1);
  outstanding_ -= connection.waiting.size();
  connection = Connection(options_.target.protocol);
}

void OpenLoop::give_up(std::uint64_t now) {
  for (const Connection& connection : connections_) {
    for (const Waiting& request : connection.waiting) recorder_.add(request.kind, now - request.due_ns, 1);
  }
  // Those that every connection was too full for were due all the same.
  std::uint64_t never_sent = 0;
  for (; arrivals_.next_ns() < clock_.window().end_ns; arrivals_.advance()) {
    const Batch requests = stream_->next();
    for (std::uint32_t i = 0; i < requests.count; ++i) recorder_.add(requests.kinds[i], now - arrivals_.next_ns(), 1);
    never_sent += requests.count;
  }
  recorder_.add_error("(due, but every connection was full)", never_sent);
}

}  // namespace strata::loadtest
