#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "server/admin/request.h"

// The parameters of routes that answer in pages.
namespace strata::server::admin {

// Few enough to write at once within half a millisecond.
inline constexpr Parameter kFewAtOnce{.name = "limit",
                                      .type = Parameter::Type::integer,
                                      .description = "How many entries at most.",
                                      .example = "50",
                                      .usual = "50",
                                      .minimum = 1,
                                      .maximum = 200};
inline constexpr Parameter kBefore{.name = "before",
                                   .type = Parameter::Type::integer,
                                   .description = "Only entries with a number below this one.",
                                   .example = "1000"};
inline constexpr Parameter kDatabase{.name = "database",
                                     .type = Parameter::Type::integer,
                                     .description = "The number of the database; below server.databases.",
                                     .example = "0",
                                     .usual = "0",
                                     .maximum = 255};

inline std::size_t limit_of(const Request& request) noexcept { return static_cast<std::size_t>(request.integer("limit")); }

inline std::uint64_t before_of(const Request& request) noexcept {
  return request.has("before") ? static_cast<std::uint64_t>(request.integer("before"))
                               : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace strata::server::admin
