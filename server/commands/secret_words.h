#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "server/commands/table.h"

namespace strata::server {

// Whether a word of a request is a password, or may be: it is shown nowhere. `words`: the request with its name; `index` below their number.
[[nodiscard]] bool is_secret_word(const Command& command, std::span<const std::string_view> words, std::size_t index);

}  // namespace strata::server
