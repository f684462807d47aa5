#include "loadtest/run/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "loadtest/wire/request_encoder.h"

namespace strata::loadtest {

namespace {

std::string reason(int error) { return std::generic_category().message(error); }

Socket connect_unix(const std::string& path, int receive_buffer_bytes, std::string& problem) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    problem = fmt::format("--unix-socket: the path has {} bytes; allowed: at most {}", path.size(), sizeof address.sun_path - 1);
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  socket.limit_receive_buffer(receive_buffer_bytes);
  if (socket.valid() && ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  problem = fmt::format("cannot connect to {}: {}. Is the server running, and is that its unix socket?", path, reason(errno));
  return {};
}

Socket connect_tcp(const Target& target, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found); error != 0) {
    problem = fmt::format("--host {}: {}", target.host, ::gai_strerror(error));
    return {};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, at->ai_protocol));
    socket.limit_receive_buffer(target.receive_buffer_bytes);
    if (!socket.valid() || ::connect(socket.fd(), at->ai_addr, at->ai_addrlen) != 0) {
      error = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  problem =
      fmt::format("cannot connect to {}: {}. Is the server running, and is that its address?", target.address(), reason(error));
  return {};
}

}  // namespace

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket Socket::open(const Target& target, std::string& problem) {
  Socket socket = target.unix_socket.empty() ? connect_tcp(target, problem)
                                             : connect_unix(target.unix_socket, target.receive_buffer_bytes, problem);
  if (socket.valid() && !socket.greet(target, problem)) return {};
  return socket;
}

bool Socket::greet(const Target& target, std::string& problem) {
  if (target.protocol == Protocol::memcached) return true;
  std::string text;
  const auto accepted = [&](const char* what, const std::string& request) {
    if (ask(target.protocol, request, text) != Outcome::error) return true;
    problem = fmt::format("{}: the server refused {}: {}", target.address(), what, text);
    return false;
  };
  if (!target.password.empty() && !accepted("--password", resp_request({"AUTH", target.password}))) return false;
  if (target.protocol == Protocol::resp3 && !accepted("--protocol resp3", resp_request({"HELLO", "3"}))) return false;
  return target.database == 0 || accepted("--database", resp_request({"SELECT", std::to_string(target.database)}));
}

Outcome Socket::ask(Protocol protocol, std::string_view request, std::string& text) {
  while (!request.empty()) {
    const ssize_t sent = ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      text = "the connection broke: " + reason(errno);
      return Outcome::error;
    }
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  ReplyScanner scanner(protocol, true);
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t received = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (received <= 0) {
      text = received == 0 ? "the server closed the connection" : "the connection broke: " + reason(errno);
      return Outcome::error;
    }
    std::string_view data(buffer.data(), static_cast<std::size_t>(received));
    if (Reply reply; scanner.next(data, reply)) {
      text = reply.text;
      return reply.outcome;
    }
  }
}

void Socket::limit_receive_buffer(int bytes) const noexcept {
  if (valid() && bytes > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void Socket::make_non_blocking() const noexcept { ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK); }

}  // namespace strata::loadtest
