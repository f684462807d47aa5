#pragma once

#include "server/commands/context.h"

namespace strata::server {

// Whether the client may run the command with the words of the context; if not, the error is answered and the refusal noted. Most clients may do
// everything, which costs a comparison: see AclRegistry::lets_all.
[[nodiscard]] bool is_permitted_in_detail(Context& context, const Command& command);

[[nodiscard]] inline bool is_permitted(Context& context, const Command& command) {
  if (context.server.acl.lets_all(context.client)) [[likely]]
    return true;
  return is_permitted_in_detail(context, command);
}

// Logs the client in. False: that was refused, and is noted; there is no reply yet.
[[nodiscard]] bool log_in(Context& context, std::string_view user, std::string_view password);

}  // namespace strata::server
