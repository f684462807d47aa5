#include "server/commands/request_keys.h"

#include <algorithm>

#include "server/commands/words.h"

namespace strata::server {

std::optional<KeyRange> range_of_keys(const KeySpec& keys, std::span<const std::string_view> request) noexcept {
  if (keys.first == 0) return KeyRange{};
  const auto words = static_cast<std::int64_t>(request.size());
  std::int64_t last = keys.last < 0 ? words + keys.last : keys.last;
  if (keys.counted_at != 0) {
    if (keys.counted_at >= words) return std::nullopt;
    const auto count = parse_integer(request[static_cast<std::size_t>(keys.counted_at)]);
    if (!count || *count < 1 || *count > (words - keys.first) / keys.step) return std::nullopt;
    last = keys.first + (*count - 1) * keys.step;
  }
  last = std::min(last, words - 1);
  if (last < keys.first) return KeyRange{};
  return KeyRange{static_cast<std::size_t>(keys.first), static_cast<std::size_t>(last), static_cast<std::size_t>(keys.step)};
}

}  // namespace strata::server
