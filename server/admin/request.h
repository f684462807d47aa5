#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/strata.hpp"
#include "server/admin/path_pattern.h"
#include "server/admin/route.h"

namespace strata::server::admin {

// What of a request's head decides about it. The texts belong to the caller.
struct RequestHead {
  std::string_view method{};
  std::string_view target{};  // with the query
  std::string_view authorization{};
  std::string_view origin{};
  std::string_view host{};
  std::string_view accept{};
  std::string_view if_match{};
  std::string_view peer{};  // address and port
};

// An admitted request: what it says, checked and decoded, and its body. Movable. Thread safety: none.
class Request {
 public:
  // Reads the path, the query and the headers as the parameters of the route have it. What is wrong, or nothing.
  [[nodiscard]] std::optional<Response> read(const Route& route, const PathValues& path, const RequestHead& head);

  // What was given for a parameter of the route; otherwise what usually counts, which may be empty.
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept { return given(name) != nullptr; }
  // REQUIRES of these: the parameter has that type, and is given or has a usual value.
  [[nodiscard]] std::int64_t integer(std::string_view name) const noexcept;
  [[nodiscard]] bool flag(std::string_view name) const noexcept;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) const noexcept;

  [[nodiscard]] const Route& route() const noexcept { return *route_; }

  // Who sends it, for the audit log.
  std::string peer;
  bool with_token = false;  // and had to

  boost::json::value body;  // of a route that takes JSON: an object
  // Of one that takes bytes: one of the two.
  std::string bytes;
  ValueRef block;
  [[nodiscard]] std::string_view content() const noexcept { return block ? block.view() : std::string_view(bytes); }

 private:
  [[nodiscard]] const std::string* given(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<Response> read_query(std::string_view query);
  [[nodiscard]] std::optional<Response> take(const Parameter& parameter, std::string value);

  const Route* route_ = nullptr;
  std::vector<std::pair<const Parameter*, std::string>> values_;
};

// The database that the parameter `database` names, or what is wrong with it.
struct DatabaseParameter {
  Namespace database = 0;
  std::optional<Response> refusal;
};
[[nodiscard]] DatabaseParameter database_of(const AdminState& state, const Request& request);

}  // namespace strata::server::admin
