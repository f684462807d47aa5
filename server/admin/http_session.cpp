#include "server/admin/http_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/write.hpp>
#include <type_traits>
#include <utility>

#include "server/listen_address.h"

namespace strata::server::admin {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

// Read ahead of the parser; more than admin.header_limit can be.
constexpr std::size_t kBufferBytes = 128ULL << 10;
constexpr std::size_t kReadBytes = 16ULL << 10;
// Of an answer, so much is written at a time, within admin.response_timeout.
constexpr std::size_t kPieceBytes = 256ULL << 10;
// Of what is evicted for a large value, so much at a time, for so long.
constexpr std::size_t kRoomStep = 64ULL << 10;
constexpr auto kRoomSlice = std::chrono::microseconds(500);
// How long a client may go on sending what nobody wants after its answer: closing earlier would make its system drop the answer.
constexpr auto kDrainTime = std::chrono::seconds(2);

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_expected_close(const boost::system::error_code& error) {
  return error == http::error::end_of_stream || error == http::error::partial_message;
}

Response too_much_held() {
  return error_response(503, "too_much_held",
                        "too many large values are being sent and received by the admin API; try again later");
}

std::string peer_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : address_and_port(endpoint.address().to_string(), endpoint.port());
}

}  // namespace

template <typename Stream>
HttpSession<Stream>::HttpSession(std::shared_ptr<AdminState> state, Stream stream, bool overloaded)
    : state_(std::move(state)),
      stream_(std::move(stream)),
      deadline_(stream_.get_executor()),
      overloaded_(overloaded),
      peer_(peer_of(socket())),
      buffer_(kBufferBytes) {}

template <typename Stream>
HttpSession<Stream>::~HttpSession() {
  charge(0);
  state_->held_values.give_back(held_bytes_);
}

template <typename Stream>
asio::ip::tcp::socket& HttpSession<Stream>::socket() noexcept {
  return boost::beast::get_lowest_layer(stream_);
}

// By TLS the handshake comes first, and has the time of a header.
template <typename Stream>
void HttpSession<Stream>::start() {
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    arm(state_->server.settings.current()->admin.header_timeout, AtDeadline::close);
    stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](const Error& error) {
      error ? self->close() : self->wait_for_request();
    });
  } else {
    wait_for_request();
  }
}

template <typename Stream>
void HttpSession<Stream>::close() {
  Error ignored;
  socket().close(ignored);
  disarm();
  exchange_.reset();
}

template <typename Stream>
void HttpSession<Stream>::wait_for_request() {
  if (buffer_.size() != 0) return read_head();
  const auto settings = state_->server.settings.current();
  arm(overloaded_ ? settings->admin.header_timeout : settings->admin.idle_timeout, AtDeadline::close);
  stream_.async_read_some(buffer_.prepare(kReadBytes), [self = this->shared_from_this()](const Error& error, std::size_t bytes) {
    if (error) return self->close();
    self->buffer_.commit(bytes);
    self->read_head();
  });
}

template <typename Stream>
void HttpSession<Stream>::read_head() {
  settings_ = state_->server.settings.current();
  route_ = nullptr;
  request_ = Request();
  head_only_ = keep_alive_ = timed_out_ = false;
  phase_ = Phase::header;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(settings_->admin.header_limit_bytes));
  // Whether the body is too long is asked once it is known whose it is.
  parser_->body_limit(boost::none);
  arm(settings_->admin.header_timeout, AtDeadline::answer_timeout);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = this->shared_from_this()](const Error& error, std::size_t) { self->on_head(error); });
}

template <typename Stream>
void HttpSession<Stream>::on_head(const Error& error) {
  if (error) return on_read_error(error);
  if (!socket().is_open()) return;  // closed while this call was under way
  const auto& head = parser_->get();
  head_only_ = head.method() == http::verb::head;
  keep_alive_ = head.keep_alive();
  Admission admission = admit({.method = view(head.method_string()),
                               .target = view(head.target()),
                               .authorization = view(head[http::field::authorization]),
                               .origin = view(head[http::field::origin]),
                               .host = view(head[http::field::host]),
                               .accept = view(head[http::field::accept]),
                               .if_match = view(head[http::field::if_match]),
                               .peer = peer_},
                              settings_->admin);
  route_ = admission.route;
  request_ = std::move(admission.request);
  if (overloaded_)
    return answer(error_response(503, "too_many_connections", "too many connections to the admin API; try again later"), false);
  // A body that is refused is not read, so nothing can follow it on this connection.
  if (admission.refusal) return answer(std::move(*admission.refusal), keep_alive_ && parser_->is_done());
  if (parser_->is_done()) return on_body({});
  prepare_body();
}

template <typename Stream>
std::uint64_t HttpSession<Stream>::body_limit() const noexcept {
  // What comes without its length is collected first.
  const bool is_value = route_ != nullptr && route_->body == Body::bytes && parser_->content_length();
  return is_value ? settings_->limits.bulk_length_bytes : settings_->admin.body_limit_bytes;
}

// Checks the length of the body, and finds memory for it.
template <typename Stream>
void HttpSession<Stream>::prepare_body() {
  const auto length = parser_->content_length();
  if (length && *length > body_limit()) return answer(too_large(), false);
  parser_->body_limit(body_limit());
  if (!length || route_->body != Body::bytes || *length < kLargeValueBytes) {
    charge(static_cast<std::size_t>(length ? *length : body_limit()));
    return take_body();
  }
  const auto bytes = static_cast<std::size_t>(*length);
  if (!hold(bytes)) return answer(too_much_held(), false);
  disarm();
  make_room(bytes, 0);
}

// Evicts for a large value step by step, until `bytes` fit, in slices, between which the control thread serves others. `room`: for how many there is room.
template <typename Stream>
void HttpSession<Stream>::make_room(std::size_t bytes, std::size_t room) {
  if (!socket().is_open()) return;
  Cache& cache = state_->server.cache;
  const auto end = Clock::now() + kRoomSlice;
  while (room < bytes) {
    room = std::min(room + kRoomStep, bytes);
    if (cache.make_room(*state_->session, room) != Status::ok) return answer(no_memory(bytes), false);
    if (Clock::now() < end) continue;
    return asio::post(stream_.get_executor(), [self = this->shared_from_this(), bytes, room] { self->make_room(bytes, room); });
  }
  ValueRef block = cache.allocate_value(*state_->session, bytes);
  if (!block) return answer(no_memory(bytes), false);
  parser_->get().body().block = std::move(block);
  take_body();
}

template <typename Stream>
Response HttpSession<Stream>::no_memory(std::size_t bytes) const {
  return error_response(
      507, "out_of_memory",
      fmt::format("there is no memory for a value of {} bytes below the limit of {} bytes (memory.max_memory), and the policy "
                  "{} finds nothing to evict for it (memory.policy)",
                  bytes, state_->server.cache.budget().limit_bytes(),
                  cache::policy_name(state_->server.cache.tunables().policy)));
}

template <typename Stream>
void HttpSession<Stream>::take_body() {
  phase_ = Phase::body;
  arm(settings_->admin.request_timeout, AtDeadline::answer_timeout);
  if (!http::token_list(parser_->get()[http::field::expect]).exists("100-continue")) return read_body();
  continue_ = Continue(http::status::continue_, 11);
  http::async_write(stream_, continue_, [self = this->shared_from_this()](const Error& error, std::size_t) {
    if (error) return self->close();
    self->read_body();
  });
}

template <typename Stream>
void HttpSession<Stream>::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = this->shared_from_this()](const Error& error, std::size_t) { self->on_body(error); });
}

template <typename Stream>
void HttpSession<Stream>::on_body(const Error& error) {
  if (error) return on_read_error(error);
  if (!socket().is_open()) return;
  disarm();
  ReceivedBody::value_type& body = parser_->get().body();
  request_.bytes = std::move(body.text);
  request_.block = std::move(body.block);
  exchange_ = make_exchange(*state_, std::move(request_));
  run();
}

template <typename Stream>
Response HttpSession<Stream>::timeout_response() const {
  if (phase_ == Phase::body) {
    return error_response(
        408, "request_timeout",
        fmt::format("the body was not complete within {} ms (admin.request_timeout)", settings_->admin.request_timeout.count()));
  }
  return error_response(
      408, "header_timeout",
      fmt::format("the header was not complete within {} ms (admin.header_timeout)", settings_->admin.header_timeout.count()));
}

template <typename Stream>
Response HttpSession<Stream>::too_large() const {
  const bool is_value = body_limit() == settings_->limits.bulk_length_bytes && route_ != nullptr && route_->body == Body::bytes;
  return error_response(413, "body_too_large",
                        fmt::format("the body is too large; allowed: {} bytes ({})", body_limit(),
                                    is_value ? "limits.bulk_length" : "admin.body_limit"));
}

template <typename Stream>
void HttpSession<Stream>::on_read_error(const Error& error) {
  if (timed_out_) return answer(timeout_response(), false);
  if (error == http::error::body_limit) return answer(too_large(), false);
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return answer(error_response(431, "header_too_large",
                                 fmt::format("the header is too large; allowed: {} bytes (admin.header_limit)",
                                             settings_->admin.header_limit_bytes)),
                  false);
  }
  static const auto& http_errors = Error(http::error::bad_method).category();
  if (error.category() == http_errors && !is_expected_close(error)) {
    return answer(error_response(400, "bad_request", fmt::format("this is not HTTP/1.1: {}", error.message())), false);
  }
  close();
}

// One slice now; the rest behind whatever else waits for the control thread.
template <typename Stream>
void HttpSession<Stream>::run() {
  if (!exchange_) return;  // closed meanwhile
  if (auto response = exchange_->slice()) {
    exchange_.reset();
    return answer(std::move(*response), keep_alive_);
  }
  asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->run(); });
}

template <typename Stream>
void HttpSession<Stream>::answer(Response response, bool keep_alive) {
  parser_->get().body() = {};  // a block that was being received
  const std::size_t value_bytes = response.value ? response.value.size() : 0;
  if (!hold(value_bytes)) {
    response = too_much_held();
    (void)hold(0);
  }
  charge(response.body.size());
  const std::string_view method = head_only_ ? "HEAD" : route_ != nullptr ? route_->method : RequestCounts::kNoRoute;
  state_->requests.add(method, route_ != nullptr ? route_->path : RequestCounts::kNoRoute, response.status);
  response_ = std::move(response);
  sent_bytes_ = 0;
  keep_alive_ = keep_alive;
  message_.emplace();
  message_->result(response_.status);
  message_->version(parser_->get().version() == 10 ? 10 : 11);
  message_->set(http::field::cache_control, "no-store");
  message_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response_.headers) message_->set(name, value);
  message_->keep_alive(keep_alive);
  constexpr unsigned kNoContent = 204;
  if (response_.status != kNoContent) {
    message_->set(http::field::content_type, response_.content_type);
    message_->content_length(response_.value ? response_.value.size() : response_.body.size());
  }
  serializer_.emplace(*message_);
  write_piece();
}

// The header with the first piece, then one piece after the other: each has its time, so that a large value may take long, and a client that takes nothing
// may not.
template <typename Stream>
void HttpSession<Stream>::write_piece() {
  const std::string_view content = head_only_        ? std::string_view()
                                   : response_.value ? response_.value.view()
                                                     : std::string_view(response_.body);
  const std::string_view piece = content.substr(sent_bytes_, kPieceBytes);
  sent_bytes_ += piece.size();
  auto& body = message_->body();
  body.data = piece.empty() ? nullptr : const_cast<char*>(piece.data());  // Beast only reads it
  body.size = piece.size();
  body.more = sent_bytes_ < content.size();
  arm(settings_->admin.response_timeout, AtDeadline::close);
  http::async_write(stream_, *serializer_,
                    [self = this->shared_from_this()](const Error& error, std::size_t) { self->on_written(error); });
}

template <typename Stream>
void HttpSession<Stream>::on_written(const Error& error) {
  if (error == http::error::need_buffer && socket().is_open()) return write_piece();
  serializer_.reset();
  message_.reset();
  response_ = Response();
  charge(0);
  (void)hold(0);
  if (error || !socket().is_open()) return close();
  if (keep_alive_) return wait_for_request();
  end_writing();
}

// Says that nothing more comes; the client may go on for a while.
template <typename Stream>
void HttpSession<Stream>::end_writing() {
  arm(kDrainTime, AtDeadline::close);
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    // Which waits for the client to say the same.
    stream_.async_shutdown([self = this->shared_from_this()](const Error&) { self->close(); });
  } else {
    Error ignored;
    socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    drain();
  }
}

template <typename Stream>
void HttpSession<Stream>::drain() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kReadBytes), [self = this->shared_from_this()](const Error& error, std::size_t) {
    if (error) return self->close();
    self->drain();
  });
}

template <typename Stream>
void HttpSession<Stream>::arm(Clock::duration time, AtDeadline action) {
  at_deadline_ = action;
  deadline_.expires_after(time);
  deadline_.async_wait([self = this->weak_from_this()](const Error& error) {
    const auto session = self.lock();
    if (session && !error) session->on_deadline();
  });
}

template <typename Stream>
void HttpSession<Stream>::disarm() {
  deadline_.expires_at(Clock::time_point::max());
}

template <typename Stream>
void HttpSession<Stream>::on_deadline() {
  // Armed anew, or disarmed, after this call was already under way.
  if (deadline_.expiry() > Clock::now()) return;
  if (at_deadline_ == AtDeadline::close) return close();
  timed_out_ = true;
  Error ignored;
  socket().cancel(ignored);
}

// The budget hears of a body before it is there.
template <typename Stream>
void HttpSession<Stream>::charge(std::size_t bytes) {
  state_->server.cache.budget().charge(Purpose::client_buffers,
                                       static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(charged_bytes_));
  charged_bytes_ = bytes;
}

// A large value of so many bytes in place of the one before; 0: none. False: too much is held.
template <typename Stream>
bool HttpSession<Stream>::hold(std::size_t bytes) {
  state_->held_values.give_back(std::exchange(held_bytes_, 0));
  if (bytes == 0) return true;
  if (!state_->held_values.take(bytes, state_->server.limits.all_clients_bytes.load(std::memory_order_relaxed))) return false;
  held_bytes_ = bytes;
  return true;
}

template class HttpSession<asio::ip::tcp::socket>;
template class HttpSession<TlsStream>;

}  // namespace strata::server::admin
