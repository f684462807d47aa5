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

Exchange::Exchange(AdminState& state, const Route& route, std::string body)
    : state_(state), route_(route), body_(std::move(body)) {
  if (route.body == Body::none) return;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  parser_.emplace(json::storage_ptr(), options);
  // Many values die at once: one resource frees them without a walk through them.
  parser_->reset(json::make_shared_resource<json::monotonic_resource>());
}

std::optional<Response> Exchange::slice() {
  if (job_) return job_->slice();
  if (parser_) return parse_more();
  json::value nothing;
  return call(nothing);
}

std::optional<Response> Exchange::parse_more() {
  if (body_.empty()) return error_response(400, "invalid_json", "the body is empty; a JSON object is needed");
  const std::string_view part = std::string_view(body_).substr(parsed_bytes_, kSliceBytes);
  structure_.look_at(part);
  if (structure_.values() >= kMaxValues || structure_.members() > kMaxMembers) {
    return invalid_request(
        fmt::format("the body has too many values; allowed: {} of them, and {} members", kMaxValues, kMaxMembers));
  }
  boost::system::error_code error;
  parser_->write(part.data(), part.size(), error);
  parsed_bytes_ += part.size();
  if (!error && parsed_bytes_ == body_.size()) parser_->finish(error);
  if (error) return invalid_json(error, parsed_bytes_);
  if (parsed_bytes_ < body_.size()) return std::nullopt;
  json::value value = parser_->release();
  parser_.reset();
  body_ = {};
  if (!value.is_object()) return invalid_request("the body has to be a JSON object");
  return call(value);
}

std::optional<Response> Exchange::call(json::value& body) {
  Answer answer = route_.handler(state_, body);
  if (auto* response = std::get_if<Response>(&answer)) return std::move(*response);
  job_ = std::get<std::unique_ptr<Job>>(std::move(answer));
  return std::nullopt;
}

}  // namespace strata::server::admin
