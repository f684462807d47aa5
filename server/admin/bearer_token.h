#pragma once

#include <string_view>

namespace strata::server::admin {

// Whether the header Authorization carries the bearer token, compared in constant time. An empty `token` asks for none.
// Pure function, safe from any thread.
[[nodiscard]] bool has_token(std::string_view token, std::string_view authorization) noexcept;

}  // namespace strata::server::admin
