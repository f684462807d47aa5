#include "server/admin/bearer_token.h"

#include "server/commands/words.h"
#include "server/password.h"

namespace strata::server::admin {

namespace {

constexpr std::string_view kScheme = "bearer ";

}  // namespace

bool has_token(std::string_view token, std::string_view authorization) noexcept {
  if (token.empty()) return true;
  if (authorization.size() <= kScheme.size()) return false;
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  return equal_in_constant_time(token, authorization.substr(kScheme.size()));
}

}  // namespace strata::server::admin
