#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

// Bytes of any kind in JSON, which knows only texts. Pure functions, safe from any thread.
namespace strata::server::admin {

// The text itself where the bytes are UTF-8; otherwise {"base64": "..."}. Whoever reads it has the bytes in both cases.
[[nodiscard]] boost::json::value lossless(std::string_view bytes);

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace strata::server::admin
