#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/commands/server_state.h"

namespace strata::server {

// The text of INFO: the sections asked for (none: the default ones; "all" and "everything": all of them), in Redis'
// format and under Redis' field names. Only fields with a meaning here appear; our own begin with "strata_". Thread
// safety: any thread.
std::string render_info(ServerState& server, std::span<const std::string_view> sections);

}  // namespace strata::server
