#include "server/net/socket_transport.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace strata::server {

namespace {

class SocketTransport final : public Transport {
 public:
  SocketTransport(Descriptor socket, Poller& poller) : socket_(std::move(socket)), ready_(poller, socket_.get()) {}
  ~SocketTransport() override { SocketTransport::close(); }
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  IoResult read(std::span<const iovec> buffers) noexcept override {
    return result_of([&] {
      if (buffers.size() == 1) return ::recv(socket_.get(), buffers[0].iov_base, buffers[0].iov_len, MSG_DONTWAIT);
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(buffers.data());
      message.msg_iovlen = buffers.size();
      return ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    });
  }

  IoResult write(std::span<const iovec> buffers) noexcept override {
    return result_of([&] {
      constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
      if (buffers.size() == 1) return ::send(socket_.get(), buffers[0].iov_base, buffers[0].iov_len, kFlags);
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(buffers.data());
      message.msg_iovlen = buffers.size();
      return ::sendmsg(socket_.get(), &message, kFlags);
    });
  }

  bool peer_has_closed() noexcept override {
    char byte = 0;
    return result_of([&] { return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT); }).status == IoStatus::closed;
  }

  void listen(std::shared_ptr<TransportListener> listener) override { ready_.listen(std::move(listener)); }
  void wait_readable() override { ready_.wait_readable(); }
  void wait_writable() override { ready_.wait_writable(); }

  void close() noexcept override {
    ready_.end();
    socket_.close();
  }

 private:
  template <typename Call>
  static IoResult result_of(Call&& call) noexcept {
    for (;;) {
      const ssize_t count = call();
      if (count > 0) return {IoStatus::ok, static_cast<std::size_t>(count)};
      if (count == 0) return {IoStatus::closed, 0};
      if (errno == EINTR) continue;
      return {errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::would_block : IoStatus::closed, 0};
    }
  }

  Descriptor socket_;
  Poller::Registration ready_;
};

}  // namespace

std::unique_ptr<Transport> make_socket_transport(Descriptor socket, Poller& poller) {
  return std::make_unique<SocketTransport>(std::move(socket), poller);
}

}  // namespace strata::server
