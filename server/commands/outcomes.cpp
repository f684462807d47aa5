#include "server/commands/outcomes.h"

#include <fmt/format.h>

#include "protocol/errors.h"

namespace strata::server {

Outcome refuse(Context& context, Status status) {
  context.reply.error(status == Status::too_large ? protocol::errors::kStringTooLong : protocol::errors::kOutOfMemory);
  return Outcome::done;
}

bool refuse_too_long(Context& context, const ReplyPieces& collected, std::string_view instead) {
  if (collected.memory_bytes() <= context.server.limits.output_buffer_bytes.load(std::memory_order_relaxed)) return false;
  context.reply.error(fmt::format("ERR the answer is larger than limits.output_buffer; use {}", instead));
  return true;
}

}  // namespace strata::server
