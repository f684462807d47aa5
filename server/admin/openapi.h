#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace strata::server::admin {

// The description of the admin API as OpenAPI 3.1 has it, made from the route table. Pure function, safe from any thread; takes about a millisecond.
[[nodiscard]] boost::json::object make_openapi();

// The same as a JSON text, made once.
[[nodiscard]] const std::string& openapi_text();

// The line behind which docs/admin-api.md is generated.
inline constexpr std::string_view kAdminApiMark =
    "<!-- From here on generated from the route table; see server/admin/openapi.h. -->\n";

// The route table as the part of docs/admin-api.md behind kAdminApiMark. To write the file after a change of the table:
//   strata_admin_tests --write-admin-api docs/admin-api.md
[[nodiscard]] std::string admin_api_reference();

}  // namespace strata::server::admin
