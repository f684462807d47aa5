#pragma once

#include <string>

#include "server/commands/table.h"

namespace strata::server {

// docs/commands.md: every command of the table by its group, as a page of Markdown. Throws std::bad_alloc.
[[nodiscard]] std::string command_reference(const CommandTable& table);

}  // namespace strata::server
