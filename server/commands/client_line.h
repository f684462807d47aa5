#pragma once

#include <cstdint>
#include <string>

#include "server/commands/client.h"

namespace strata::server {

// A client as CLIENT LIST shows it, in the fields and the order of Redis 7.2; without an end of line. Any thread.
[[nodiscard]] std::string client_line(const Client& client, std::int64_t now_ms);
// The client's own line is up to date only when its own turn writes it, which is now.
void note_own_command(Client& client, const Command* command, std::int64_t now_ms);

}  // namespace strata::server
