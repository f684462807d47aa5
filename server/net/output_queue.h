#pragma once

#include <cstddef>
#include <deque>

#include "engine/api/strata.hpp"
#include "protocol/byte_buffer.h"
#include "server/commands/reply.h"
#include "server/net/transport.h"

namespace strata::server {

// What one client has not taken yet: bytes of replies, copied out of the loop's reply buffer, and large values by reference.
// Empty for a client that reads as fast as it asks; then it holds no memory. Thread safety: none.
class OutputQueue {
 public:
  // Sends what is queued and then `reply`, as far as the socket takes it, and queues the rest. `reply` is left to be
  // cleared by the caller.
  IoStatus send(Transport& transport, Reply& reply);
  // Sends what is queued.
  IoStatus flush(Transport& transport);

  [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }
  [[nodiscard]] std::size_t segments() const noexcept { return segments_.size(); }
  // Memory of queued reply bytes.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept { return buffered_bytes_; }
  // Bytes of large values waiting to be sent (they are charged where they were allocated).
  [[nodiscard]] std::size_t pinned_bytes() const noexcept { return pinned_bytes_; }
  [[nodiscard]] std::size_t sent_bytes() const noexcept { return sent_bytes_; }

 private:
  struct Segment {
    protocol::ByteBuffer bytes;  // or, if `block` is set,
    ValueRef block;              // a value, of which a part is to be sent, and of that `sent` bytes are gone
    std::string_view part;
    std::size_t sent = 0;

    [[nodiscard]] std::string_view rest() const noexcept { return block ? part.substr(sent) : bytes.view(); }
  };

  void queue(Reply& reply, std::size_t skip);
  void append(std::string_view bytes);
  void append(const ValueRef& block, std::string_view part, std::size_t sent);
  void drop_sent(std::size_t bytes);

  std::deque<Segment> segments_;
  std::size_t buffered_bytes_ = 0;
  std::size_t pinned_bytes_ = 0;
  std::size_t sent_bytes_ = 0;  // since the connection began
};

}  // namespace strata::server
