#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>

#include "server/net/transport.h"

namespace strata::server {

// A transport that takes as many bytes as a script says, call by call; after the script it takes nothing.
class ScriptedTransport final : public Transport {
 public:
  std::deque<std::size_t> takes;  // bytes of each write; 0: would block
  bool closed = false;
  std::string sent;

  IoResult read(std::span<const iovec>) noexcept override { return {IoStatus::would_block, 0}; }
  IoResult write(std::span<const iovec> buffers) noexcept override {
    if (closed) return {IoStatus::closed, 0};
    if (takes.empty()) return {IoStatus::would_block, 0};
    std::size_t room = takes.front();
    takes.pop_front();
    if (room == 0) return {IoStatus::would_block, 0};
    const std::size_t before = sent.size();
    for (const iovec& buffer : buffers) {
      const std::size_t part = std::min(room, buffer.iov_len);
      sent.append(static_cast<const char*>(buffer.iov_base), part);
      room -= part;
    }
    return {IoStatus::ok, sent.size() - before};
  }
  bool peer_has_closed() noexcept override { return closed; }
  void listen(std::shared_ptr<TransportListener>) override {}
  void wait_readable() override {}
  void wait_writable() override {}
  void close() noexcept override { closed = true; }
};

}  // namespace strata::server
