#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/words.h"

namespace strata::server {

// The offset of a bit, as SETBIT, GETBIT and BITFIELD have it; "#3" is the place of the fourth number of `size` bits, where they are allowed
// (size not 0). Nothing: the error is answered.
inline std::optional<std::uint64_t> parse_bit_offset(Context& context, std::string_view text, unsigned size) {
  const bool counts_numbers = size != 0 && text.starts_with('#');
  const auto number = parse_integer(text.substr(counts_numbers ? 1 : 0));
  std::int64_t offset = 0;
  const auto limit = static_cast<std::int64_t>(context.server.limits.bulk_bytes.load(std::memory_order_relaxed));
  if (number && !__builtin_mul_overflow(*number, counts_numbers ? static_cast<std::int64_t>(size) : 1, &offset) && offset >= 0 &&
      offset / 8 < limit)
    return static_cast<std::uint64_t>(offset);
  context.reply.error(protocol::errors::kBitOffset);
  return std::nullopt;
}

}  // namespace strata::server
