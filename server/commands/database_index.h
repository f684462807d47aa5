#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/words.h"

namespace strata::server {

// The database that an argument of COPY or MOVE names. Nothing: the error is answered.
inline std::optional<Namespace> parse_database_index(Context& context, std::string_view text) {
  const auto index = parse_integer(text);
  if (!index) {
    context.reply.error(protocol::errors::kNotInteger);
  } else if (*index < std::numeric_limits<std::int32_t>::min() || *index > std::numeric_limits<std::int32_t>::max()) {
    context.reply.error(protocol::errors::kDatabaseNotInt32);
  } else if (*index < 0 || static_cast<std::uint64_t>(*index) >= context.server.cache.options().namespaces) {
    context.reply.error(protocol::errors::kDatabaseOutOfRange);
  } else {
    return static_cast<Namespace>(*index);
  }
  return std::nullopt;
}

}  // namespace strata::server
