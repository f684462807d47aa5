#pragma once

#include <string_view>

#include "engine/api/strata.hpp"
#include "server/commands/context.h"
#include "server/commands/reply_pieces.h"

namespace strata::server {

// Answers the error that belongs to a write the cache refused. REQUIRES: status is not ok.
Outcome refuse(Context& context, Status status);

// A client that asks for more than it may have buffered gets an error, not gigabytes: whether it did. `collected`: of an answer that has not begun.
// `instead`: what it may ask for.
[[nodiscard]] bool refuse_too_long(Context& context, const ReplyPieces& collected, std::string_view instead);

}  // namespace strata::server
