#include "server/admin/http_session.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <utility>

namespace strata::server::admin {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t kHeaderBytes = 8U << 10U;
// Read ahead of the parser; more than the header may have.
constexpr std::size_t kBufferBytes = 32ULL << 10;
// How long a client may go on sending what nobody wants after its answer: closing earlier would make its system drop the answer.
constexpr auto kDrainTime = std::chrono::seconds(2);

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_expected_close(const boost::system::error_code& error) {
  return error == http::error::end_of_stream || error == http::error::partial_message;
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<AdminState> state, asio::ip::tcp::socket socket, bool overloaded)
    : state_(std::move(state)),
      socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      overloaded_(overloaded),
      buffer_(kBufferBytes) {}

HttpSession::~HttpSession() { charge(0); }

void HttpSession::close() {
  Error ignored;
  socket_.close(ignored);
  disarm();
  exchange_.reset();
}

void HttpSession::read_head() {
  settings_ = state_->server.settings.current();
  route_ = nullptr;
  head_only_ = keep_alive_ = timed_out_ = false;
  parser_.emplace();
  parser_->header_limit(kHeaderBytes);
  parser_->body_limit(settings_->admin.body_limit_bytes);
  arm(settings_->admin.request_timeout, AtDeadline::answer_timeout);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](const Error& error, std::size_t) { self->on_head(error); });
}

void HttpSession::on_head(const Error& error) {
  if (error) return on_read_error(error);
  if (!socket_.is_open()) return;  // closed while this call was under way
  const auto& request = parser_->get();
  head_only_ = request.method() == http::verb::head;
  keep_alive_ = request.keep_alive();
  Admission admission = admit({.method = view(request.method_string()),
                               .target = view(request.target()),
                               .authorization = view(request[http::field::authorization]),
                               .origin = view(request[http::field::origin]),
                               .host = view(request[http::field::host])},
                              settings_->admin);
  route_ = admission.route;
  if (overloaded_)
    return answer(error_response(503, "too_many_connections", "too many connections to the admin API; try again later"), false);
  // A body that is refused is not read, so nothing can follow it on this connection.
  if (admission.refusal) return answer(std::move(*admission.refusal), keep_alive_ && parser_->is_done());
  if (parser_->is_done()) return on_body({});
  take_body();
}

void HttpSession::take_body() {
  const auto length = parser_->content_length();
  charge(length ? static_cast<std::size_t>(*length) : static_cast<std::size_t>(settings_->admin.body_limit_bytes));
  if (!http::token_list(parser_->get()[http::field::expect]).exists("100-continue")) return read_body();
  continue_ = Continue(http::status::continue_, 11);
  http::async_write(socket_, continue_, [self = shared_from_this()](const Error& error, std::size_t) {
    if (error) return self->close();
    self->read_body();
  });
}

void HttpSession::read_body() {
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](const Error& error, std::size_t) { self->on_body(error); });
}

void HttpSession::on_body(const Error& error) {
  if (error) return on_read_error(error);
  if (!socket_.is_open()) return;
  disarm();
  exchange_ = make_exchange(*state_, *route_, std::move(parser_->get().body()));
  run();
}

void HttpSession::on_read_error(const Error& error) {
  if (timed_out_ && parser_->got_some()) {
    return answer(error_response(408, "request_timeout",
                                 fmt::format("the request was not complete within {} ms (admin.request_timeout)",
                                             settings_->admin.request_timeout.count())),
                  false);
  }
  if (error == http::error::body_limit) {
    return answer(error_response(413, "body_too_large",
                                 fmt::format("the body is too large; allowed: {} bytes (admin.body_limit)",
                                             settings_->admin.body_limit_bytes)),
                  false);
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return answer(
        error_response(431, "header_too_large", fmt::format("the header is too large; allowed: {} bytes", kHeaderBytes)), false);
  }
  static const auto& http_errors = Error(http::error::bad_method).category();
  if (error.category() == http_errors && !is_expected_close(error)) {
    return answer(error_response(400, "bad_request", fmt::format("this is not HTTP/1.1: {}", error.message())), false);
  }
  close();
}

// One slice now; the rest behind whatever else waits for the control thread.
void HttpSession::run() {
  if (!exchange_) return;  // closed meanwhile
  if (auto response = exchange_->slice()) {
    exchange_.reset();
    return answer(std::move(*response), keep_alive_);
  }
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->run(); });
}

void HttpSession::answer(Response response, bool keep_alive) {
  charge(0);
  const std::string_view method = head_only_ ? "HEAD" : route_ != nullptr ? route_->method : RequestCounts::kNoRoute;
  state_->requests.add(method, route_ != nullptr ? route_->path : RequestCounts::kNoRoute, response.status);
  message_ = Message();
  message_.result(response.status);
  message_.version(parser_->get().version() == 10 ? 10 : 11);
  message_.set(http::field::content_type, response.content_type);
  message_.set(http::field::cache_control, "no-store");
  message_.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message_.set(name, value);
  message_.keep_alive(keep_alive);
  message_.content_length(response.body.size());
  if (!head_only_) message_.body() = std::move(response.body);
  arm(settings_->admin.request_timeout, AtDeadline::close);
  http::async_write(socket_, message_, [self = shared_from_this(), keep_alive](const Error& error, std::size_t) {
    self->on_written(error, keep_alive);
  });
}

void HttpSession::on_written(const Error& error, bool keep_alive) {
  message_ = Message();
  if (error || !socket_.is_open()) return close();
  if (keep_alive) return read_head();
  Error ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  arm(kDrainTime, AtDeadline::close);
  drain();
}

void HttpSession::drain() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kBufferBytes), [self = shared_from_this()](const Error& error, std::size_t) {
    if (error) return self->close();
    self->drain();
  });
}

void HttpSession::arm(Clock::duration time, AtDeadline action) {
  at_deadline_ = action;
  deadline_.expires_after(time);
  deadline_.async_wait([self = weak_from_this()](const Error& error) {
    const auto session = self.lock();
    if (session && !error) session->on_deadline();
  });
}

void HttpSession::disarm() { deadline_.expires_at(Clock::time_point::max()); }

void HttpSession::on_deadline() {
  // Armed anew, or disarmed, after this call was already under way.
  if (deadline_.expiry() > Clock::now()) return;
  if (at_deadline_ == AtDeadline::close) return close();
  timed_out_ = true;
  Error ignored;
  socket_.cancel(ignored);
}

// The budget hears of a body before it is there.
void HttpSession::charge(std::size_t bytes) {
  state_->server.cache.budget().charge(Purpose::client_buffers,
                                       static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(charged_bytes_));
  charged_bytes_ = bytes;
}

}  // namespace strata::server::admin
