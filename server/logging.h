#pragma once

#include <string>

#include "config/settings.h"

namespace strata::server {

// Sets up the process-wide log: to standard error or a file, as text or one JSON object a line. Empty, or why it failed
// and what to change. `log` has an absolute file path or none. Call once, before other threads exist.
std::string start_logging(const config::Log& log);

// Thread safety: any thread.
void set_log_level(config::LogLevel level);

}  // namespace strata::server
