#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/commands/server_state.h"
#include "server/net/event_loop.h"
#include "server/net/tls_context.h"

namespace strata::server {

// Why listening failed: one line that says what to change.
struct ListenError {
  std::string text;
};

// Accepts connections on one address and hands each to the event loop with the fewest. Runs on the io_context it is
// given (the control thread's). Thread safety: none; use it from that thread.
class Acceptor {
 public:
  // What acceptors share. Everything outlives them.
  struct Environment {
    boost::asio::io_context& io;
    ServerState& server;
    std::vector<std::unique_ptr<EventLoop>>& loops;
    LoopStatistics& statistics;  // of the thread that runs `io`
    int backlog = 511;
    TlsFront* tls = nullptr;  // what clients speak TLS with; a null pointer: they do not
  };

  // Both return null and fill `error` when the address can not be had.
  static std::unique_ptr<Acceptor> listen_tcp(const Environment& environment, const std::string& address, std::uint16_t port,
                                              ListenError& error);
  // A file left over by a process that is gone is replaced; one that somebody listens on is not.
  static std::unique_ptr<Acceptor> listen_unix(const Environment& environment, const std::string& path, unsigned mode,
                                               ListenError& error);
  virtual ~Acceptor() = default;

  [[nodiscard]] virtual std::uint16_t port() const = 0;  // 0 for a unix socket
  virtual void start() = 0;
  // Accepts nothing more and lets go of the address.
  virtual void close() = 0;
};

}  // namespace strata::server
