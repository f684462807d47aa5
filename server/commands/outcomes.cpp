#include "server/commands/outcomes.h"

#include "protocol/errors.h"

namespace strata::server {

Outcome refuse(Context& context, Status status) {
  context.reply.error(status == Status::too_large ? protocol::errors::kStringTooLong : protocol::errors::kOutOfMemory);
  return Outcome::done;
}

}  // namespace strata::server
