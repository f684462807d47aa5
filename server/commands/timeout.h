#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "server/commands/context.h"

namespace strata::server {

// A time to wait, in milliseconds from now. Nothing: it is none, and that is answered.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_timeout(Context& context, std::string_view text);

}  // namespace strata::server
