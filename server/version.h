#pragma once

#include <string_view>

namespace strata::server {

// Set by the build from the project's version.
inline constexpr std::string_view kVersion = STRATA_SERVER_VERSION;

// The version of Redis whose protocol and commands we speak: clients and frameworks compare it before they use a feature.
inline constexpr std::string_view kRedisVersion = "7.2.0";

}  // namespace strata::server
