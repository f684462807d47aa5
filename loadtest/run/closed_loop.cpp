#include "loadtest/run/closed_loop.h"

#include <limits>
#include <utility>

namespace strata::loadtest {

ClosedLoop::ClosedLoop(const Options& options, std::vector<std::unique_ptr<RequestStream>> streams, std::uint64_t request_limit)
    : Worker(options), requests_left_(request_limit == 0 ? std::numeric_limits<std::uint64_t>::max() : request_limit) {
  for (auto& stream : streams) {
    const bool wants_replies = stream->wants_replies();
    const ReplyScanner scanner(options.target.protocol, stream->wants_values());
    connections_.push_back({std::move(stream), scanner, {}, {}, 0, 0, wants_replies});
  }
}

void ClosedLoop::begin(std::uint64_t now) {
  active_ = connections_.size();
  for (std::size_t i = 0; i < connections_.size(); ++i) send_next(i, now);
}

void ClosedLoop::send_next(std::size_t index, std::uint64_t now) {
  Connection& connection = connections_[index];
  connection.batch = requests_left_ == 0 || now >= clock_.window().end_ns ? Batch{} : connection.stream->next();
  connection.replies = 0;
  if (connection.batch.count == 0) {
    --active_;
    return;
  }
  outstanding_ += connection.batch.count;
  requests_left_ -= std::min<std::uint64_t>(requests_left_, connection.batch.count);
  connection.sent_ns = now;
  connection.unsent = connection.batch.bytes;
  connection.unsent.remove_prefix(send(index, connection.unsent));
}

void ClosedLoop::writable(std::size_t index, std::uint64_t) {
  Connection& connection = connections_[index];
  if (!connection.unsent.empty()) connection.unsent.remove_prefix(send(index, connection.unsent));
}

void ClosedLoop::readable(std::size_t index, std::string_view data, std::uint64_t now) {
  Connection& connection = connections_[index];
  const std::uint32_t before = connection.replies;
  // All replies in one piece of data took the same time: they are recorded as one entry a kind.
  std::array<std::uint32_t, kOperationKinds> of_kind{};
  if (!connection.wants_replies) {
    const std::uint32_t hits = connection.scanner.take_hits(data, connection.batch.count - connection.replies);
    for (std::uint32_t i = 0; i < hits; ++i) ++of_kind[static_cast<std::size_t>(connection.batch.kinds[connection.replies + i])];
    for (std::size_t kind = 0; kind < kOperationKinds; ++kind)
      recorder_.count_hits(static_cast<OperationKind>(kind), of_kind[kind]);
    connection.replies += hits;
  }
  if (!data.empty() && !read_replies(connection, data, of_kind, now)) return;
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) {
    if (of_kind[kind] > 0) recorder_.add(static_cast<OperationKind>(kind), now - connection.sent_ns, of_kind[kind]);
  }
  const std::uint32_t replies = connection.replies - before;
  outstanding_ -= replies;
  add_progress(replies);
  if (connection.replies == connection.batch.count && replies > 0) send_next(index, now);
}

bool ClosedLoop::read_replies(Connection& connection, std::string_view data, std::array<std::uint32_t, kOperationKinds>& of_kind,
                              std::uint64_t now) {
  Reply reply;
  while (!data.empty() && connection.scanner.next(data, reply)) {
    if (connection.replies == connection.batch.count) {
      fail("the server sent a reply that nobody asked for");
      return false;
    }
    const OperationKind kind = connection.batch.kinds[connection.replies];
    recorder_.count(kind, reply);
    if (connection.wants_replies) connection.stream->replied(connection.replies, reply, now);
    ++of_kind[static_cast<std::size_t>(kind)];
    ++connection.replies;
    if (connection.scanner.broken()) {
      fail("the server's reply is " + std::string(reply.text));
      return false;
    }
  }
  return true;
}

void ClosedLoop::dropped(std::size_t index, std::uint64_t now) {
  Connection& connection = connections_[index];
  outstanding_ -= connection.batch.count - connection.replies;
  connection.scanner = ReplyScanner(options_.target.protocol, connection.stream->wants_values());
  if (connection.batch.count > 0) send_next(index, now);
}

void ClosedLoop::give_up(std::uint64_t now) {
  for (const Connection& connection : connections_) {
    for (std::uint32_t i = connection.replies; i < connection.batch.count; ++i) {
      recorder_.add(connection.batch.kinds[i], now - connection.sent_ns, 1);
    }
  }
}

}  // namespace strata::loadtest
