#pragma once

#include <span>
#include <string_view>

#include "server/commands/table.h"

namespace strata::server {

// What a command does to a key, or a pattern of keys allows: neither, where it only asks whether and what is there.
struct KeyUse {
  bool reads = false;
  bool writes = false;

  [[nodiscard]] constexpr bool includes(KeyUse other) const noexcept {
    return (reads || !other.reads) && (writes || !other.writes);
  }
  bool operator==(const KeyUse&) const = default;
};

// `access` is that of one of the command's kinds of keys. Where it depends on the options, these decide; where they are in error, both.
[[nodiscard]] KeyUse key_use(const Command& command, KeyAccess access, std::span<const std::string_view> request) noexcept;

}  // namespace strata::server
