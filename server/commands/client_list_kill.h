#pragma once

#include "server/commands/context.h"

namespace strata::server {

Outcome client_kill(Context& context);
Outcome client_list(Context& context);

}  // namespace strata::server
