#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "server/commands/server_state.h"
#include "server/net/acceptor.h"

namespace strata::server {

// The admin HTTP API and the metrics: health, statistics, configuration, invalidation. It runs on the control thread's
// io_context and holds it for a millisecond at most at a time. Thread safety: none; use it from that thread.
class AdminServer {
 public:
  // Listens on admin.bind:admin.port of the settings in force. Null, and `error` filled, when the address can not be had.
  // `tls`: what it speaks HTTPS with; a null pointer: it speaks HTTP. It outlives the server.
  static std::unique_ptr<AdminServer> listen(boost::asio::io_context& io, ServerState& server, TlsFront* tls, ListenError& error);
  virtual ~AdminServer() = default;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  virtual void start() = 0;
  // What /readyz answers: ready from the first accepted client on, not ready while stopping.
  virtual void set_ready(bool ready) = 0;
  // Of large values that are being sent or received.
  [[nodiscard]] virtual std::uint64_t held_value_bytes() const = 0;
  // Accepts nothing more and ends the requests under way.
  virtual void close() = 0;
};

}  // namespace strata::server
