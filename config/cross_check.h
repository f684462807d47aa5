#pragma once

#include <vector>

#include "config/problem.h"
#include "config/settings.h"

namespace strata::config {

// The problems of values that are fine alone and not together. Each names the key to change; `location` is left empty.
std::vector<Problem> cross_check(const Settings& settings);

}  // namespace strata::config
