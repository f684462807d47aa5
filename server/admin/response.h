#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/strata.hpp"

// What the admin API answers, without any HTTP library in it. Pure functions, safe from any thread.
namespace strata::server::admin {

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  ValueRef value;                                                 // sent from where it lies, in place of `body`; keeps it there
  std::vector<std::pair<std::string_view, std::string>> headers;  // besides those every response has
};

// A value as JSON text that ends with a line feed.
[[nodiscard]] Response json_response(unsigned status, const boost::json::value& value);

// A status alone.
[[nodiscard]] Response empty_response(unsigned status);

// A problem as RFC 9457 has it, with "error": {"code", "message"} and what `more` adds to that. `code` is for programs and never changes; `message` is for
// people.
[[nodiscard]] Response error_response(unsigned status, std::string_view code, std::string_view message,
                                      boost::json::object more = {});

// What is wrong with the content of a request: 400 and "invalid_request".
[[nodiscard]] Response invalid_request(std::string_view message);

}  // namespace strata::server::admin
