#pragma once

#include "server/commands/context.h"

namespace strata::server {

// Whether the client may run the command with the words of the context; if not, the error is answered and the refusal noted. Of who is not let through by
// the gate alone.
[[nodiscard]] bool is_permitted(Context& context, const Command& command);

// Logs the client in. False: that was refused, and is noted; there is no reply yet.
[[nodiscard]] bool log_in(Context& context, std::string_view user, std::string_view password);

}  // namespace strata::server
