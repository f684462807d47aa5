#pragma once

#include <string_view>

namespace strata::loadtest {

// Set by the build from the project's version.
inline constexpr std::string_view kVersion = STRATA_SERVER_VERSION;

}  // namespace strata::loadtest
