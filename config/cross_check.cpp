#include "config/cross_check.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace strata::config {
namespace {

bool overlap(std::string_view a, std::string_view b) {
  const bool same_family = (a.find(':') == std::string_view::npos) == (b.find(':') == std::string_view::npos);
  const auto is_wildcard = [](std::string_view address) { return address == "0.0.0.0" || address == "::"; };
  return a == b || (same_family && (is_wildcard(a) || is_wildcard(b)));
}

}  // namespace

std::vector<Problem> cross_check(const Settings& settings) {
  const Server& server = settings.server;
  const Admin& admin = settings.admin;
  if (admin.port == 0 || admin.port != server.port) return {};
  const auto taken = std::find_if(server.bind.begin(), server.bind.end(),
                                  [&](const std::string& address) { return overlap(address, admin.bind); });
  if (taken == server.bind.end()) return {};
  return {{"", "admin.port", "port " + std::to_string(admin.port) + " of " + *taken + " is taken by server.port",
           "another port, an admin.bind that server.bind does not cover, or 0 to turn the interface off"}};
}

}  // namespace strata::config
