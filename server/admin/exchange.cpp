#include "server/admin/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse_options.hpp>

namespace strata::server::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t kSliceBytes = 64ULL << 10;
// The deepest body that a route takes has two levels.
constexpr std::size_t kMaxDepth = 8;
// The parser builds an array or object at once when its end comes: these two keep that short.
constexpr std::size_t kMaxValues = 50'000;
constexpr std::size_t kMaxMembers = 1000;

Response invalid_json(const boost::system::error_code& error, std::size_t before_byte) {
  if (error == json::error::too_deep) {
    return error_response(400, "invalid_json", fmt::format("the body is nested too deeply; allowed: {} levels", kMaxDepth));
  }
  return error_response(400, "invalid_json",
                        fmt::format("the body is not JSON: {}, at byte {} or before", error.message(), before_byte));
}

}  // namespace

Exchange::Exchange(AdminState& state, Request request) : state_(state), request_(std::move(request)) {
  if (request_.route().body != Body::json) return;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  parser_.emplace(json::storage_ptr(), options);
  // Many values die at once: one resource frees them without a walk through them.
  parser_->reset(json::make_shared_resource<json::monotonic_resource>());
}

std::optional<Response> Exchange::slice() {
  state_.session->set_now_ms(wall_clock_ms());
  if (job_) return job_->slice();
  if (parser_) return parse_more();
  return call();
}

std::optional<Response> Exchange::parse_more() {
  const std::string& body = request_.bytes;
  if (body.empty()) return error_response(400, "invalid_json", "the body is empty; a JSON object is needed");
  const std::string_view part = std::string_view(body).substr(parsed_bytes_, kSliceBytes);
  structure_.look_at(part);
  if (structure_.values() >= kMaxValues || structure_.members() > kMaxMembers) {
    return invalid_request(
        fmt::format("the body has too many values; allowed: {} of them, and {} members", kMaxValues, kMaxMembers));
  }
  boost::system::error_code error;
  parser_->write(part.data(), part.size(), error);
  parsed_bytes_ += part.size();
  if (!error && parsed_bytes_ == body.size()) parser_->finish(error);
  if (error) return invalid_json(error, parsed_bytes_);
  if (parsed_bytes_ < body.size()) return std::nullopt;
  request_.body = parser_->release();
  parser_.reset();
  request_.bytes = {};
  if (!request_.body.is_object()) return invalid_request("the body has to be a JSON object");
  return call();
}

std::optional<Response> Exchange::call() {
  Answer answer = request_.route().handler(state_, request_);
  if (auto* response = std::get_if<Response>(&answer)) return std::move(*response);
  job_ = std::get<std::unique_ptr<Job>>(std::move(answer));
  return std::nullopt;
}

}  // namespace strata::server::admin
