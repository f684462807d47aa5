#pragma once

#include <string>
#include <vector>

#include "tests/engine/cache/linearizability_group.h"

namespace strata::history {

// Sentences about what is wrong with an operation that fits into no order, where it is one of the well-known faults: a read of what nobody wrote, of
// another key's bytes, from the future, of what had been replaced; a key that was there and missed; a lost update; half of an operation
// on several keys. Says so where it is none of them.
[[nodiscard]] std::vector<std::string> diagnose(const History& history, const Part& part, Reference culprit);

}  // namespace strata::history
