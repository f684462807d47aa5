#pragma once

#include <string_view>

#include "protocol/request_parser.h"
#include "tests/protocol/request_feeder.h"

namespace strata::protocol::testing {

// What a whole stream means, found the slow and plain way: the rules written down once more, to compare the parser with.
Meaning reference_meaning(std::string_view stream, const ParseLimits& limits);

}  // namespace strata::protocol::testing
