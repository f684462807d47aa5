#pragma once

#include <string>

#include "loadtest/options.h"
#include "loadtest/report/run_result.h"

// A finished run for people and for programs. Pure functions.
namespace strata::loadtest {

// A few lines and a table.
std::string text_report(const Options& options, const RunResult& result);

// One JSON object; docs/loadtest.md lists the fields.
std::string json_report(const Options& options, const RunResult& result);

// A line a second, with a header line.
std::string csv_report(const RunResult& result);

// The presets with what was published of their caches: a JSON array.
std::string preset_list();

// "resp2", "resp3", "memcached".
const char* name_of(Protocol protocol) noexcept;

}  // namespace strata::loadtest
