#include "server/admin/response.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "config/printable_text.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

// Messages may quote what the client sent: never more of it than this, and nothing that is not text.
constexpr std::size_t kMessageBytes = 500;
constexpr std::string_view kProblemType = "application/problem+json";

}  // namespace

Response json_response(unsigned status, const json::value& value) {
  Response response;
  response.status = status;
  response.body = json::serialize(value) + "\n";
  return response;
}

Response empty_response(unsigned status) {
  Response response;
  response.status = status;
  return response;
}

Response error_response(unsigned status, std::string_view code, std::string_view message, json::object more) {
  std::string title(code);
  std::replace(title.begin(), title.end(), '_', ' ');
  const std::string text = config::printable(message, kMessageBytes);
  more["code"] = code;
  more["message"] = text;
  Response response = json_response(status, {{"type", "urn:strata:problem:" + std::string(code)},
                                             {"title", title},
                                             {"status", status},
                                             {"detail", text},
                                             {"error", std::move(more)}});
  response.content_type = kProblemType;
  return response;
}

Response invalid_request(std::string_view message) { return error_response(400, "invalid_request", message); }

}  // namespace strata::server::admin
