#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "server/admin/admin_state.h"
#include "server/admin/job.h"

namespace strata::server::admin {

class Request;

enum class Access : std::uint8_t { open, token };      // token: only with admin.token, if one is set
enum class Body : std::uint8_t { none, json, bytes };  // none: what is sent is ignored; bytes: a value, of any content

// What a request may say beside its body. Values are checked against it before the handler is called, and the description of
// the interface is made from it.
struct Parameter {
  enum class In : std::uint8_t { path, query, header };
  enum class Type : std::uint8_t { text, integer, flag, duration, choice };

  std::string_view name;
  In in = In::query;
  Type type = Type::text;
  std::string_view description;
  std::string_view example;
  std::string_view usual = {};  // what counts where it is not given; empty: nothing
  std::int64_t minimum = 0;     // of an integer; so is the next
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
  std::span<const std::string_view> choices = {};
};

// A status that a route answers with, beside the problems that any request may meet. `schema` and `example` are JSON texts; with no schema there is
// no content.
struct RouteReply {
  unsigned status = 200;
  std::string_view description;
  std::string_view content_type = "application/json";
  std::string_view schema = {};
  std::string_view example = {};
};

// What a body has to be, in the same terms.
struct RouteBody {
  std::string_view description;
  std::string_view schema = {};
  std::string_view example = {};
};

// The body of `request` may be moved out. Called on the control thread.
using Handler = Answer (*)(AdminState& state, Request& request);

// One row of the route table. HEAD is served where GET is. A segment `{name}` of the path stands for any one segment, and is the path parameter of
// that name.
struct Route {
  std::string_view method;
  std::string_view path;
  Access access = Access::token;
  Body body = Body::none;
  std::string_view summary;
  Handler handler = nullptr;
  std::span<const Parameter> parameters = {};
  std::span<const RouteReply> replies = {};
  RouteBody content = {};
};

}  // namespace strata::server::admin
