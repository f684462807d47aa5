#pragma once

#include "server/commands/context.h"

// What CLIENT switches on and off: of one connection, and, PAUSE, of all.
namespace strata::server {

Outcome client_no_evict(Context& context);
Outcome client_no_touch(Context& context);
Outcome client_pause(Context& context);
Outcome client_reply(Context& context);
Outcome client_unpause(Context& context);

}  // namespace strata::server
