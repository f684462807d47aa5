#pragma once

#include "engine/api/strata.hpp"
#include "server/commands/context.h"

namespace strata::server {

// Answers the error that belongs to a write the cache refused. REQUIRES: status is not ok.
Outcome refuse(Context& context, Status status);

}  // namespace strata::server
