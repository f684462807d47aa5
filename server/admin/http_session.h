#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "server/admin/admin_state.h"
#include "server/admin/router.h"

namespace strata::server::admin {

// One connection to the admin API: reads a request, carries it out in slices, answers, and again while the client keeps
// the connection. What it reads is limited in bytes and in time (admin.body_limit, admin.request_timeout); what it
// writes, in time. Lifetime: kept by its own pending operations until the connection ends. Thread safety: none; runs on
// the control thread.
class HttpSession final : public std::enable_shared_from_this<HttpSession> {
 public:
  // `overloaded`: there are too many sessions already; it answers one request with 503 and goes.
  HttpSession(std::shared_ptr<AdminState> state, boost::asio::ip::tcp::socket socket, bool overloaded);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void start() { read_head(); }
  // Ends it at once, whatever it is doing.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Message = boost::beast::http::response<boost::beast::http::string_body>;
  using Continue = boost::beast::http::response<boost::beast::http::empty_body>;

  // What happens when the time is over.
  enum class AtDeadline : std::uint8_t { answer_timeout, close };

  void read_head();
  void on_head(const Error& error);
  void take_body();
  void read_body();
  void on_body(const Error& error);
  void on_read_error(const Error& error);

  void run();
  void answer(Response response, bool keep_alive);
  void on_written(const Error& error, bool keep_alive);
  void drain();

  void arm(Clock::duration time, AtDeadline action);
  void disarm();
  void on_deadline();
  void charge(std::size_t bytes);

  std::shared_ptr<AdminState> state_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  AtDeadline at_deadline_ = AtDeadline::close;
  bool timed_out_ = false;
  const bool overloaded_;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;                      // of the request being read
  std::shared_ptr<const config::Settings> settings_;  // those this request is held to
  const Route* route_ = nullptr;                      // of the request; null while it is not known
  bool head_only_ = false;
  bool keep_alive_ = false;        // what the client of the request wants
  std::unique_ptr<Job> exchange_;  // while the request is carried out
  std::size_t charged_bytes_ = 0;  // to the budget's client buffers, for the body
  Message message_;                // being written
  Continue continue_;
};

}  // namespace strata::server::admin
