#pragma once

#include <string>

#include "tests/engine/cache/linearizability.h"
#include "tests/engine/cache/linearizability_group.h"

namespace strata::history {

// For a part that is not linearizable: the first operation, by responses, at which it is not, what is wrong with it as far as that can be told
// in a sentence, an order of those before it, and those that may stand beside it.
[[nodiscard]] std::string explain(const History& history, const Timeline& timeline, const Part& part, const SearchLimits& limits);

// For one that could not be decided: how far the search came.
[[nodiscard]] std::string tell_undecided(const Group& group, std::size_t steps_in_order, const SearchLimits& limits);

}  // namespace strata::history
