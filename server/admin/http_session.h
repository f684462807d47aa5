#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "server/admin/admin_state.h"
#include "server/admin/received_body.h"
#include "server/admin/router.h"

namespace strata::server::admin {

// One connection to the admin API, whatever it runs over. Lifetime: kept by its own pending operations until the connection ends. Thread safety: none;
// runs on the control thread.
class HttpConnection {
 public:
  HttpConnection() = default;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  virtual ~HttpConnection() = default;

  virtual void start() = 0;
  // Ends it at once, whatever it is doing.
  virtual void close() = 0;
};

// HTTPS.
using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

// Reads a request, carries it out in slices, answers, and again while the client keeps the connection. What it reads is limited in bytes and in time
// (admin.header_limit, admin.body_limit, limits.bulk_length; admin.idle_timeout, admin.header_timeout, admin.request_timeout); what it writes, in time
// (admin.response_timeout).
// Stream: what Asio calls an AsyncStream, above a TCP socket that boost::beast::get_lowest_layer finds; http_session.cpp says for which there is code.
template <typename Stream>
class HttpSession final : public HttpConnection, public std::enable_shared_from_this<HttpSession<Stream>> {
 public:
  // `overloaded`: there are too many sessions already; it answers one request with 503 and goes.
  HttpSession(std::shared_ptr<AdminState> state, Stream stream, bool overloaded);
  ~HttpSession() override;

  void start() override;
  void close() override;

 private:
  using Clock = std::chrono::steady_clock;
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<ReceivedBody>;
  using Message = boost::beast::http::response<boost::beast::http::buffer_body>;
  using Serializer = boost::beast::http::response_serializer<boost::beast::http::buffer_body>;
  using Continue = boost::beast::http::response<boost::beast::http::empty_body>;

  // What happens when the time is over.
  enum class AtDeadline : std::uint8_t { answer_timeout, close };
  // What the client is being waited for.
  enum class Phase : std::uint8_t { header, body };

  [[nodiscard]] boost::asio::ip::tcp::socket& socket() noexcept;
  void wait_for_request();
  void read_head();
  void on_head(const Error& error);
  void prepare_body();
  void make_room(std::size_t bytes, std::size_t room);
  [[nodiscard]] Response no_memory(std::size_t bytes) const;
  void take_body();
  void read_body();
  void on_body(const Error& error);
  void on_read_error(const Error& error);
  [[nodiscard]] Response timeout_response() const;
  [[nodiscard]] Response too_large() const;
  [[nodiscard]] std::uint64_t body_limit() const noexcept;

  void run();
  void answer(Response response, bool keep_alive);
  void write_piece();
  void on_written(const Error& error);
  void end_writing();
  void drain();

  void arm(Clock::duration time, AtDeadline action);
  void disarm();
  void on_deadline();
  void charge(std::size_t bytes);
  [[nodiscard]] bool hold(std::size_t bytes);

  std::shared_ptr<AdminState> state_;
  Stream stream_;
  boost::asio::steady_timer deadline_;
  AtDeadline at_deadline_ = AtDeadline::close;
  Phase phase_ = Phase::header;
  bool timed_out_ = false;
  const bool overloaded_;
  std::string peer_;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;                      // of the request being read
  std::shared_ptr<const config::Settings> settings_;  // those this request is held to
  const Route* route_ = nullptr;                      // of the request; null while it is not known
  Request request_;                                   // admitted, while its body is being read
  bool head_only_ = false;
  bool keep_alive_ = false;        // what the client of the request wants; then, what it gets
  std::unique_ptr<Job> exchange_;  // while the request is carried out
  std::size_t charged_bytes_ = 0;  // to the budget's client buffers: the body of the request, then that of the answer
  std::size_t held_bytes_ = 0;     // of a large value: that of the request, then that of the answer
  Response response_;              // being written
  std::size_t sent_bytes_ = 0;     // of its content
  std::optional<Message> message_;
  std::optional<Serializer> serializer_;
  Continue continue_;
};

}  // namespace strata::server::admin
