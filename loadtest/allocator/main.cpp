#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "loadtest/allocator/allocator_in_use.h"
#include "loadtest/allocator/command_line.h"
#include "loadtest/allocator/workload.h"

namespace strata::loadtest::allocator {
namespace {

std::string json_array(const std::vector<Fields>& rows) {
  std::string result = "[";
  for (const Fields& row : rows) result += (result.size() > 1 ? "," : "") + json_object(row);
  return result + "]";
}

// Puts members that are no plain values at the end of an object.
void append_member(std::string& object, std::string_view name, const std::string& json) {
  object.back() = ',';
  object.append("\"").append(name).append("\":").append(json).append("}");
}

std::string description(const Workload& workload) {
  const Settings settings{.threads = default_threads(workload)};
  std::string object = json_object({{"workload", std::string(workload.name)},
                                    {"summary", std::string(workload.summary)},
                                    {"operation", std::string(workload.operation)},
                                    {"threads", std::uint64_t{settings.threads}}});
  append_member(object, "parameters", json_object(workload.parameters(settings)));
  return object;
}

void print_list(bool json) {
  std::string text = json ? "[" : "";
  for (const Workload& workload : workloads()) {
    if (json) {
      text += (text.size() > 1 ? ",\n" : "") + description(workload);
      continue;
    }
    const Settings settings{.threads = default_threads(workload)};
    text.append(workload.name).append(": ").append(workload.summary).append("\n ");
    text += " threads " + std::to_string(settings.threads);
    for (const Field& field : workload.parameters(settings)) {
      text.append(", ").append(field.name).append(" ").append(json_value(field));
    }
    text += '\n';
  }
  std::fputs((text + (json ? "]\n" : "")).c_str(), stdout);
}

std::string report(const RunRequest& request, const Result& result) {
  const Workload& workload = *request.workload;
  const AllocatorInUse allocator = allocator_in_use();
  const auto ns = static_cast<double>(result.elapsed.count());
  Fields fields = {{"workload", std::string(workload.name)},
                   {"allocator", allocator.name},
                   {"allocator_library", allocator.library},
                   {"threads", std::uint64_t{request.settings.threads}},
                   {"scale", request.settings.scale},
                   {"operation", std::string(workload.operation)},
                   {"operations", result.operations},
                   {"seconds", ns / 1e9},
                   {"ns_per_operation", ns / static_cast<double>(result.operations)}};
  if (result.memory) {
    fields.insert(fields.end(), {{"memory_moment", std::string(workload.memory_moment)},
                                 {"requested_bytes_live", result.memory->requested_bytes_live},
                                 {"resident_bytes", result.memory->resident_bytes},
                                 {"resident_at_start_bytes", result.memory->resident_at_start_bytes}});
  }
  fields.insert(fields.end(), result.details.begin(), result.details.end());
  std::string object = json_object(fields);
  append_member(object, "parameters", json_object(workload.parameters(request.settings)));
  if (!result.rows.empty()) append_member(object, workload.rows_name, json_array(result.rows));
  return object;
}

int run(std::span<const std::string_view> words) {
  const Request request = parse_command_line(words);
  if (const auto* error = std::get_if<UsageError>(&request)) {
    std::fprintf(stderr, "strata-allocator-bench: %s (see strata-allocator-bench --help)\n", error->message.c_str());
    return 2;
  }
  if (std::holds_alternative<HelpRequest>(request)) {
    std::fputs(std::string(usage_text()).c_str(), stdout);
  } else if (const auto* list = std::get_if<ListRequest>(&request)) {
    print_list(list->json);
  } else {
    const auto& run_request = std::get<RunRequest>(request);
    std::puts(report(run_request, run_request.workload->run(run_request.settings)).c_str());
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace strata::loadtest::allocator

int main(int argc, char** argv) {
  try {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    return strata::loadtest::allocator::run(words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "strata-allocator-bench: %s\n", error.what());
    return 1;
  }
}
