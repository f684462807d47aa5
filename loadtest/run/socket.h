#pragma once

#include <string>
#include <string_view>

#include "loadtest/options.h"
#include "loadtest/wire/reply_scanner.h"

namespace strata::loadtest {

// A connected stream socket; closes itself. Thread safety: one thread at a time.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) noexcept : fd_(fd) {}
  ~Socket();
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;

  // Connects and greets: password, protocol version and database as the target says. Blocks. An invalid socket, and one line in
  // `problem` that says what to do about it, if the server is not there or refuses.
  static Socket open(const Target& target, std::string& problem);

  // Sends a request and waits for its reply; what it says is in `text`. Blocks; not for sockets made non-blocking.
  [[nodiscard]] Outcome ask(Protocol protocol, std::string_view request, std::string& text);

  void make_non_blocking() const noexcept;
  // Before connecting: how much the kernel takes in that nobody has read. 0 leaves it alone.
  void limit_receive_buffer(int bytes) const noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  bool greet(const Target& target, std::string& problem);

  int fd_ = -1;
};

}  // namespace strata::loadtest
