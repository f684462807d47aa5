#pragma once

#include "loadtest/options.h"
#include "loadtest/report/run_result.h"
#include "loadtest/run/driver.h"

namespace strata::loadtest {

// Runs the command with its threads from beginning to end; blocks. Shows the progress on standard error if that is a terminal and
// options.quiet is not set. Failures are lines in the result's `problems`; what was counted until then is in it too.
RunResult perform(const Options& options, Driver& driver);

}  // namespace strata::loadtest
