#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace strata::server::admin {

// What of a value is not as a schema has it, with the path to it; empty: nothing. Knows the words of JSON Schema that the admin API uses, and names the
// others as wrong.
[[nodiscard]] std::string not_as_schema(const boost::json::value& value, const boost::json::object& schema,
                                        const boost::json::object& document, const std::string& path = "$");

}  // namespace strata::server::admin
