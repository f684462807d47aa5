#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "server/commands/command.h"

namespace strata::server {

// Where the keys of one request stand: every `step`-th word from `first` to `last`, none where `last` is before `first`.
struct KeyRange {
  std::size_t first = 1;
  std::size_t last = 0;
  std::size_t step = 1;
};

// `request` begins with the name of the command. Nothing: it says itself how many keys there are, and that is no number, or more than it has.
[[nodiscard]] std::optional<KeyRange> range_of_keys(const KeySpec& keys, std::span<const std::string_view> request) noexcept;

}  // namespace strata::server
