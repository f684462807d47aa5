#pragma once

#include <array>
#include <string_view>

#include "engine/api/strata.hpp"

namespace strata::server::admin {

// The names of Purpose, in the order of its enumerators.
inline constexpr std::array<std::string_view, cache::kPurposes> kPurposeNames = {
    "items", "index", "large_values", "client_buffers", "write_behind", "policy", "process"};
static_assert(!kPurposeNames.back().empty(), "each purpose has a name");

}  // namespace strata::server::admin
