#pragma once

#include "server/commands/context.h"

namespace strata::server {

// HELP of a container command: generated from the rows of its subcommands, so it never lists what does not exist.
Outcome subcommand_help(Context& context);

}  // namespace strata::server
