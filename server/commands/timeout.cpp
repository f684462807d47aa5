#include "server/commands/timeout.h"

#include <limits>

#include "protocol/errors.h"
#include "server/commands/words.h"

namespace strata::server {

std::optional<std::chrono::milliseconds> parse_timeout(Context& context, std::string_view text) {
  namespace errors = protocol::errors;
  const auto number = parse_integer(text);
  if (!number) {
    context.reply.error(errors::kTimeoutNotInteger);
  } else if (*number < 0) {
    context.reply.error(errors::kTimeoutNegative);
  } else if (*number > std::numeric_limits<std::int64_t>::max() - context.now_ms()) {
    context.reply.error(errors::kTimeoutOutOfRange);
  } else {
    return std::chrono::milliseconds(*number);
  }
  return std::nullopt;
}

}  // namespace strata::server
