#include "server/admin/admin_server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "server/admin/admin_state.h"
#include "server/admin/http_session.h"
#include "server/admin/openapi.h"
#include "server/listen_address.h"
#include "server/net/tls_context.h"

namespace strata::server {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Beyond admin.max_connections a session only says that there are too many; so many more, and not even that.
constexpr std::size_t kRefusals = 16;
constexpr int kBacklog = 128;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// Accepts connections and keeps count of the sessions. Its pending operations keep it, so that it may be let go of at any time.
class AdminListener final : public std::enable_shared_from_this<AdminListener> {
 public:
  AdminListener(asio::io_context& io, ServerState& server, TlsFront* tls)
      : state_(std::make_shared<admin::AdminState>(server)), tls_(tls), acceptor_(io), pause_(io) {}

  error_code open(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kBacklog, error);
    return error;
  }

  [[nodiscard]] std::uint16_t port() const {
    error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
  }

  [[nodiscard]] admin::AdminState& state() noexcept { return *state_; }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (error) return self->retry(error);
      self->take(std::move(socket));
      self->accept();
    });
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& weak : sessions_) {
      if (const auto session = weak.lock()) session->close();
    }
    sessions_.clear();
  }

 private:
  void take(tcp::socket socket) {
    std::erase_if(sessions_, [](const auto& session) { return session.expired(); });
    const std::size_t most = state_->server.settings.current()->admin.max_connections;
    if (sessions_.size() >= most + kRefusals) return;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::shared_ptr<admin::HttpConnection> session = make_session(std::move(socket), sessions_.size() >= most);
    sessions_.push_back(session);
    session->start();
  }

  // Out of file descriptors or memory: accepting at once again would only burn the processor.
  void retry(const error_code& error) {
    spdlog::warn("could not accept an admin connection: {}; trying again in {} ms", error.message(), kAcceptPause.count());
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([self = shared_from_this()](const error_code& stopped) {
      if (!stopped && self->acceptor_.is_open()) self->accept();
    });
  }

  // Of a socket that has been accepted.
  [[nodiscard]] std::shared_ptr<admin::HttpConnection> make_session(tcp::socket socket, bool overloaded) {
    if (tls_ == nullptr) return std::make_shared<admin::HttpSession<tcp::socket>>(state_, std::move(socket), overloaded);
    const std::shared_ptr<const TlsContext> current = tls_->current();
    SSL_CTX_up_ref(current->native());
    asio::ssl::context context(current->native());  // for as long as it takes to begin: each stream refers to what is inside
    return std::make_shared<admin::HttpSession<admin::TlsStream>>(state_, admin::TlsStream(std::move(socket), context),
                                                                  overloaded);
  }

  std::shared_ptr<admin::AdminState> state_;
  TlsFront* const tls_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::vector<std::weak_ptr<admin::HttpConnection>> sessions_;
};

class HttpAdminServer final : public AdminServer {
 public:
  explicit HttpAdminServer(std::shared_ptr<AdminListener> listener) : listener_(std::move(listener)) {}
  ~HttpAdminServer() override { listener_->close(); }
  HttpAdminServer(const HttpAdminServer&) = delete;
  HttpAdminServer& operator=(const HttpAdminServer&) = delete;

  [[nodiscard]] std::uint16_t port() const override { return listener_->port(); }
  void start() override { listener_->accept(); }
  void set_ready(bool ready) override { listener_->state().ready = ready; }
  [[nodiscard]] std::uint64_t held_value_bytes() const override { return listener_->state().held_values.bytes(); }
  void close() override { listener_->close(); }

 private:
  std::shared_ptr<AdminListener> listener_;
};

}  // namespace

std::unique_ptr<AdminServer> AdminServer::listen(asio::io_context& io, ServerState& server, TlsFront* tls, ListenError& error) {
  const config::Admin settings = server.settings.current()->admin;
  error_code failure;
  const auto address = asio::ip::make_address(settings.bind, failure);
  if (failure) {
    error.text =
        fmt::format("admin.bind: '{}' is not an IP address; allowed: for example 127.0.0.1, ::1, 0.0.0.0", settings.bind);
    return nullptr;
  }
  const auto port = static_cast<std::uint16_t>(settings.port);
  (void)admin::openapi_text();  // made here, so that no request has to wait for it
  auto listener = std::make_shared<AdminListener>(io, server, tls);
  if (failure = listener->open({address, port}); !failure) return std::make_unique<HttpAdminServer>(std::move(listener));
  error.text =
      why_not_listening(failure, address_and_port(settings.bind, port) + " for the admin API", "admin.bind", "admin.port");
  return nullptr;
}

}  // namespace strata::server
