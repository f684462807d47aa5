#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "loadtest/allocator/workload.h"

namespace strata::loadtest::allocator {

struct RunRequest {
  const Workload* workload;  // one of workloads()
  Settings settings;
};
struct ListRequest {
  bool json = false;
};
struct HelpRequest {};
struct UsageError {
  std::string message;  // names the word, and the nearest one that would have been understood
};
using Request = std::variant<RunRequest, ListRequest, HelpRequest, UsageError>;

// What was asked for; `words` without the program's name. Pure but for the number of cores.
Request parse_command_line(std::span<const std::string_view> words);

std::string_view usage_text();

// The number of threads without --threads.
unsigned default_threads(const Workload& workload);

}  // namespace strata::loadtest::allocator
