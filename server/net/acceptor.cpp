#include "server/net/acceptor.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <system_error>
#include <utility>

#include "protocol/errors.h"
#include "server/listen_address.h"

namespace strata::server {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void configure(int fd, std::int64_t keepalive_seconds) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  if (keepalive_seconds <= 0) return;
  // The first probe after the configured time, then three more, each after a third of it.
  const auto seconds = static_cast<int>(std::min<std::int64_t>(keepalive_seconds, 32767));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 3, 1));
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

std::string describe(const asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

std::string describe(const asio::local::stream_protocol::endpoint& endpoint) { return endpoint.path() + ":0"; }

template <typename Protocol>
class ProtocolAcceptor final : public Acceptor {
 public:
  explicit ProtocolAcceptor(const Environment& environment)
      : server_(environment.server),
        loops_(environment.loops),
        statistics_(environment.statistics),
        tls_(environment.tls),
        acceptor_(environment.io),
        pause_(environment.io) {}

  ~ProtocolAcceptor() override { close(); }

  bool open(const typename Protocol::endpoint& endpoint, int backlog, error_code& error) {
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      if (!error && endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(true), error);
    }
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(backlog, error);
    return !error;
  }

  void remove_at_close(std::string path) { path_ = std::move(path); }

  std::uint16_t port() const override {
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      return acceptor_.local_endpoint().port();
    } else {
      return 0;
    }
  }

  void start() override {
    acceptor_.async_accept([this](const error_code& error, typename Protocol::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (error) return retry(error);
      take(std::move(socket));
      start();
    });
  }

  void close() override {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    if (!path_.empty()) ::unlink(std::exchange(path_, {}).c_str());
  }

 private:
  EventLoop& least_loaded() {
    return **std::min_element(loops_.begin(), loops_.end(),
                              [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
  }

  void take(typename Protocol::socket socket) {
    error_code ignored;
    const auto peer = socket.remote_endpoint(ignored);
    const auto local = socket.local_endpoint(ignored);
    // Out of asio's poll: who reads and writes it waits for it, too.
    Descriptor descriptor(socket.release(ignored));
    if (ignored) return;
    if (server_.clients.size() >= server_.limits.max_clients.load(std::memory_order_relaxed))
      return refuse(descriptor.get(), protocol::errors::kTooManyClients);
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      if (!peer.address().is_loopback() && is_protected()) return refuse(descriptor.get(), protocol::errors::kProtected);
    }
    statistics_.traffic.connections_accepted.add();
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      configure(descriptor.get(), server_.limits.tcp_keepalive_seconds.load(std::memory_order_relaxed));
    }
    // A unix socket's peer has no name: both ends show the path listened on.
    const std::string local_text = describe(local);
    const std::string peer_text = std::is_same_v<Protocol, asio::ip::tcp> ? describe(peer) : local_text;
    const std::int64_t now_ms = os::wall_clock_ms();
    auto client = std::make_shared<Client>(
        Client::Identity{server_.clients.next_id(), descriptor.get(), peer_text, local_text, now_ms});
    server_.acl.begin(*client);
    server_.clients.add(client);
    least_loaded().adopt(std::move(descriptor), std::move(client), tls_);
  }

  // Nobody from another machine comes in where no password is asked for: at start such an address is not listened on, and this is for when the password
  // is taken away.
  bool is_protected() const {
    if (const auto context = tls_ != nullptr ? tls_->current() : nullptr; context && context->asks_for_certificate())
      return false;
    return server_.limits.protected_mode.load(std::memory_order_relaxed) && !server_.acl.default_needs_log_in();
  }

  void refuse(int socket, std::string_view error) {
    statistics_.traffic.connections_rejected.add();
    if (tls_ != nullptr) return;  // who has not shaken hands would not understand
    const std::string refusal = fmt::format("-{}\r\n", error);
    [[maybe_unused]] const ssize_t sent =
        ::send(socket, refusal.data(), refusal.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  // Out of file descriptors or memory: accepting at once again would only burn the processor.
  void retry(const error_code& error) {
    spdlog::warn("could not accept a connection: {}; trying again in 100 ms", error.message());
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](const error_code& stopped) {
      if (!stopped) start();
    });
  }

  ServerState& server_;
  std::vector<std::unique_ptr<EventLoop>>& loops_;
  LoopStatistics& statistics_;
  TlsFront* const tls_;
  asio::basic_socket_acceptor<Protocol> acceptor_;
  asio::steady_timer pause_;
  std::string path_;
};

}  // namespace

std::unique_ptr<Acceptor> Acceptor::listen_tcp(const Environment& environment, const std::string& address, std::uint16_t port,
                                               ListenError& error) {
  error_code failure;
  const auto ip = asio::ip::make_address(address, failure);
  if (failure) {
    error.text = fmt::format("server.bind: '{}' is not an IP address; allowed: for example 127.0.0.1, ::1, 0.0.0.0", address);
    return nullptr;
  }
  const asio::ip::tcp::endpoint endpoint(ip, port);
  auto acceptor = std::make_unique<ProtocolAcceptor<asio::ip::tcp>>(environment);
  if (acceptor->open(endpoint, environment.backlog, failure)) return acceptor;
  error.text =
      why_not_listening(failure, describe(endpoint), "server.bind", environment.tls != nullptr ? "tls.port" : "server.port");
  return nullptr;
}

std::unique_ptr<Acceptor> Acceptor::listen_unix(const Environment& environment, const std::string& path, unsigned mode,
                                                ListenError& error) {
  constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLongestPath) {
    error.text = fmt::format("server.unix_socket: the path has {} bytes; allowed: at most {}", path.size(), kLongestPath);
    return nullptr;
  }
  const asio::local::stream_protocol::endpoint endpoint(path);
  error_code failure;
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    asio::local::stream_protocol::socket probe(environment.io);
    probe.connect(endpoint, failure);
    if (failure == asio::error::connection_refused) ::unlink(path.c_str());
  }
  auto acceptor = std::make_unique<ProtocolAcceptor<asio::local::stream_protocol>>(environment);
  if (!acceptor->open(endpoint, environment.backlog, failure)) {
    error.text = why_not_listening(failure, path, "server.unix_socket", "server.unix_socket");
    return nullptr;
  }
  acceptor->remove_at_close(path);
  if (::chmod(path.c_str(), mode) != 0) {
    error.text = fmt::format("cannot set the mode of {}: {}. Change server.unix_socket_mode", path,
                             std::generic_category().message(errno));
    return nullptr;
  }
  return acceptor;
}

}  // namespace strata::server
