#include "server/admin/bearer_token.h"

#include <algorithm>

#include "server/password.h"

namespace strata::server::admin {

namespace {

constexpr std::string_view kScheme = "bearer ";

bool begins_with_scheme(std::string_view authorization) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return authorization.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [&](char a, char b) { return a == lower(b); });
}

}  // namespace

bool has_token(std::string_view token, std::string_view authorization) noexcept {
  if (token.empty()) return true;
  if (!begins_with_scheme(authorization)) return false;
  return equal_in_constant_time(token, authorization.substr(kScheme.size()));
}

}  // namespace strata::server::admin
