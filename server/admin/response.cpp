#include "server/admin/response.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "config/printable_text.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

// Messages may quote what the client sent: never more of it than this, and nothing that is not text.
constexpr std::size_t kMessageBytes = 500;

}  // namespace

Response json_response(unsigned status, const json::value& value) {
  Response response;
  response.status = status;
  response.body = json::serialize(value) + "\n";
  return response;
}

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  return json_response(status, {{"error", {{"code", code}, {"message", config::printable(message, kMessageBytes)}}}});
}

Response invalid_request(std::string_view message) { return error_response(400, "invalid_request", message); }

}  // namespace strata::server::admin
