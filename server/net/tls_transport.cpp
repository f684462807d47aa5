#include "server/net/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace strata::server {
namespace {

// What TLS puts into one record.
constexpr std::size_t kRecordBytes = 16U << 10U;

// The socket as OpenSSL sees it: reads do not block, and writes take everything, the socket's share at once and the rest to be sent later. So no
// call to OpenSSL has to be made again with the same bytes.
class SocketStream {
 public:
  explicit SocketStream(int descriptor) noexcept : descriptor_(descriptor) {}

  [[nodiscard]] BIO* make_bio() {
    BIO* const bio = BIO_new(method());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    return bio;
  }
  // Sends what is held. False: the socket takes no more now, or is gone.
  bool flush() {
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) {
        is_gone_ = is_gone_ || (errno != EAGAIN && errno != EWOULDBLOCK);
        return false;
      }
      unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    unsent_.shrink_to_fit();
    return true;
  }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return unsent_.capacity() > kSmallText ? unsent_.capacity() : 0; }
  [[nodiscard]] bool is_flushed() const noexcept { return unsent_.empty(); }
  [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }

 private:
  static constexpr std::size_t kSmallText = sizeof(std::string);

  static SocketStream& of(BIO* bio) { return *static_cast<SocketStream*>(BIO_get_data(bio)); }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "strata socket");
      BIO_meth_set_read(made, [](BIO* bio, char* to, int size) { return of(bio).read(bio, to, size); });
      BIO_meth_set_write(made, [](BIO* bio, const char* from, int size) { return of(bio).write(from, size); });
      BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH ? 1 : 0; });
      return made;
    }();
    return kMethod;
  }

  int read(BIO* bio, char* to, int size) noexcept {
    BIO_clear_retry_flags(bio);
    ssize_t got = 0;
    do {
      got = ::recv(descriptor_, to, static_cast<std::size_t>(size), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
  }

  // Called by C: nothing is thrown through it.
  int write(const char* from, int size) noexcept {
    const auto bytes = static_cast<std::size_t>(size);
    std::size_t sent = 0;
    if (flush()) {
      const ssize_t taken = ::send(descriptor_, from, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken >= 0) sent = static_cast<std::size_t>(taken);
      if (taken < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) is_gone_ = true;
    }
    if (is_gone_) return -1;
    try {
      unsent_.append(from + sent, bytes - sent);
    } catch (const std::bad_alloc&) {
      is_gone_ = true;
      return -1;
    }
    return size;
  }

  int descriptor_;
  std::string unsent_;
  bool is_gone_ = false;
};

class TlsTransport final : public Transport {
 public:
  using Soon = std::function<void(std::function<void()>)>;

  TlsTransport(Descriptor socket, Poller& poller, Soon soon, const TlsContext& context, BasicTraffic<Counter>& traffic)
      : socket_(std::move(socket)),
        traffic_(traffic),
        soon_(std::move(soon)),
        stream_(socket_.get()),
        owned_(SSL_new(context.native())),
        session_(owned_.get()),
        waiting_(std::make_shared<Waiting>(*this)),
        ready_(poller, socket_.get()) {
    if (session_ == nullptr) throw std::bad_alloc();
    BIO* const bio = stream_.make_bio();
    SSL_set_bio(session_, bio, bio);
    SSL_set_accept_state(session_);
    ready_.listen(waiting_);
  }
  ~TlsTransport() override { TlsTransport::close(); }
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  // A handshake writes, too.
  IoResult read(std::span<const iovec> buffers) noexcept override {
    const IoResult result = read_records(buffers);
    note_held();
    return result;
  }

  IoResult write(std::span<const iovec> buffers) noexcept override {
    const IoResult result = write_records(buffers);
    note_held();
    return result;
  }

  bool peer_has_closed() noexcept override {
    char byte = 0;
    const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  }

  void listen(std::shared_ptr<TransportListener> listener) override { waiting_->listener = std::move(listener); }
  void wait_readable() override {
    waiting_->wants_readable = true;
    // What is left of a record that was read no socket tells of.
    if (SSL_pending(session_) > 0) {
      soon_([waiting = waiting_] { waiting->on_readable(); });
    } else {
      ready_.wait_readable();
    }
    if (!stream_.is_flushed()) ready_.wait_writable();
  }
  void wait_writable() override {
    waiting_->wants_writable = true;
    ready_.wait_writable();
  }

  void close() noexcept override {
    if (!socket_.is_open()) return;
    waiting_->transport = nullptr;
    waiting_->listener.reset();
    ready_.end();
    if (SSL_is_init_finished(session_) == 1 && !stream_.is_gone())
      (void)SSL_shutdown(session_);  // says that it goes, if there is room
    socket_.close();
  }

 private:
  IoResult read_records(std::span<const iovec> buffers) noexcept {
    IoResult result;
    ERR_clear_error();
    for (const iovec& buffer : buffers) {
      for (std::size_t filled = 0; filled < buffer.iov_len;) {
        std::size_t got = 0;
        if (SSL_read_ex(session_, static_cast<char*>(buffer.iov_base) + filled, buffer.iov_len - filled, &got) != 1)
          return end_of_read(result.bytes);
        note_handshake();
        filled += got;
        result.bytes += got;
      }
    }
    result.status = IoStatus::ok;
    return result;
  }

  IoResult write_records(std::span<const iovec> buffers) noexcept {
    if (!stream_.flush()) return {stream_.is_gone() ? IoStatus::closed : IoStatus::would_block, 0};
    IoResult result;
    ERR_clear_error();
    // Small pieces together: each call is a record.
    std::array<char, kRecordBytes> together;
    std::size_t piece = 0;
    std::size_t taken = 0;  // of the piece
    while (piece < buffers.size() && stream_.is_flushed()) {
      std::string_view record = rest_of(buffers[piece], taken);
      if (record.size() < kRecordBytes && piece + 1 < buffers.size()) record = gather(buffers.subspan(piece), taken, together);
      std::size_t sent = 0;
      if (!record.empty() && SSL_write_ex(session_, record.data(), std::min(record.size(), kRecordBytes), &sent) != 1)
        return {IoStatus::closed, 0};
      result.bytes += sent;
      for (taken += sent; piece < buffers.size() && taken >= buffers[piece].iov_len; ++piece) taken -= buffers[piece].iov_len;
    }
    result.status = result.bytes > 0 ? IoStatus::ok : IoStatus::would_block;
    return result;
  }

  void note_held() noexcept {
    held_bytes_ = stream_.held_bytes();
    is_flushed_ = stream_.is_flushed() || stream_.is_gone();
  }

  // Is told for the transport that the socket is ready. Kept by the poller.
  struct Waiting final : TransportListener {
    explicit Waiting(TlsTransport& of) : transport(&of) {}
    void on_readable() override {
      if (transport != nullptr && std::exchange(wants_readable, false)) tell(&TransportListener::on_readable);
    }
    void on_writable() override {
      if (transport == nullptr) return;
      const bool flushed = transport->stream_.flush() || transport->stream_.is_gone();
      transport->note_held();
      if (!flushed) return transport->ready_.wait_writable();
      if (std::exchange(wants_writable, false)) tell(&TransportListener::on_writable);
    }
    // Held meanwhile: what it is told may have it end, and the transport with it.
    void tell(void (TransportListener::*what)()) {
      const std::shared_ptr<TransportListener> told = listener;
      (*told.*what)();
    }

    TlsTransport* transport;
    std::shared_ptr<TransportListener> listener;
    bool wants_readable = false;
    bool wants_writable = false;
  };

  static std::string_view rest_of(const iovec& buffer, std::size_t taken) noexcept {
    return std::string_view(static_cast<const char*>(buffer.iov_base), buffer.iov_len).substr(taken);
  }
  // What comes next, up to a record.
  static std::string_view gather(std::span<const iovec> buffers, std::size_t taken,
                                 std::array<char, kRecordBytes>& into) noexcept {
    std::size_t size = 0;
    for (std::size_t i = 0; i < buffers.size() && size < into.size(); ++i) {
      const std::string_view part = rest_of(buffers[i], i == 0 ? taken : 0).substr(0, into.size() - size);
      if (!part.empty()) std::memcpy(into.data() + size, part.data(), part.size());
      size += part.size();
    }
    return {into.data(), size};
  }

  void note_handshake() noexcept {
    if (is_counted_) return;
    is_counted_ = true;
    traffic_.tls_handshakes.add();
  }

  // What has been read before is delivered first; what is wrong comes again.
  IoResult end_of_read(std::size_t bytes) noexcept {
    if (SSL_is_init_finished(session_) == 1) note_handshake();
    if (bytes > 0) return {IoStatus::ok, bytes};
    const int error = SSL_get_error(session_, 0);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {IoStatus::would_block, 0};
    if (!is_counted_) {
      is_counted_ = true;
      traffic_.tls_failures.add();
    }
    ERR_clear_error();
    return {IoStatus::closed, 0};
  }

  Descriptor socket_;
  BasicTraffic<Counter>& traffic_;
  Soon soon_;
  SocketStream stream_;
  struct Free {
    void operator()(SSL* session) const noexcept { SSL_free(session); }
  };
  std::unique_ptr<SSL, Free> owned_;
  SSL* const session_;
  bool is_counted_ = false;  // what came of the handshake
  std::shared_ptr<Waiting> waiting_;
  Poller::Registration ready_;
};

}  // namespace

std::unique_ptr<Transport> make_tls_transport(Descriptor socket, Poller& poller, std::function<void(std::function<void()>)> soon,
                                              std::shared_ptr<const TlsContext> context, BasicTraffic<Counter>& traffic) {
  return std::make_unique<TlsTransport>(std::move(socket), poller, std::move(soon), *context, traffic);
}

}  // namespace strata::server
