#include "loadtest/allocator/command_line.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "config/nearest_word.h"

namespace strata::loadtest::allocator {
namespace {

unsigned cores() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? static_cast<unsigned>(CPU_COUNT(&allowed)) : 1;
}

UsageError unknown_word(std::string_view kind, std::string_view word, const std::vector<std::string_view>& choices) {
  constexpr std::size_t kLongestShown = 64;
  UsageError error{"unknown " + std::string(kind) + " \"" + std::string(word.substr(0, kLongestShown)) + "\""};
  const std::string_view nearest = config::nearest_word(word, choices);
  if (!nearest.empty()) error.message += "; did you mean \"" + std::string(nearest) + "\"?";
  return error;
}

UsageError unknown_name(std::string_view word) {
  std::vector<std::string_view> names = {"list"};
  for (const Workload& workload : workloads()) names.push_back(workload.name);
  return unknown_word("workload", word, names);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<UsageError> set_scale(Settings& settings, std::string_view text) {
  const std::optional<double> value = parse_number<double>(text);
  if (!value || !(*value > 0 && *value <= 1)) {
    return UsageError{"--scale \"" + std::string(text) + "\": not a number above 0 and up to 1"};
  }
  settings.scale = *value;
  return std::nullopt;
}

std::optional<UsageError> set_threads(Settings& settings, const Workload& workload, std::string_view text) {
  const std::optional<unsigned> value = parse_number<unsigned>(text);
  const ThreadRange& range = workload.threads;
  if (value && *value >= range.least && *value <= range.most && *value % range.step == 0) {
    settings.threads = *value;
    return std::nullopt;
  }
  std::string allowed = "runs with " + std::to_string(range.least);
  if (range.most != range.least) allowed += " to " + std::to_string(range.most);
  allowed += range.most == 1 ? " thread" : " threads";
  if (range.step > 1) allowed += ", a multiple of " + std::to_string(range.step);
  return UsageError{"--threads \"" + std::string(text) + "\": " + std::string(workload.name) + " " + allowed};
}

Request parse_list(std::span<const std::string_view> words) {
  ListRequest request;
  for (const std::string_view word : words) {
    if (word != "--json") return unknown_word("option", word, {"--json"});
    request.json = true;
  }
  return request;
}

Request parse_run(const Workload& workload, std::span<const std::string_view> words) {
  RunRequest request{&workload, {.threads = default_threads(workload)}};
  const std::vector<std::string_view> options = {"--scale", "--threads"};
  for (std::size_t index = 0; index < words.size(); index += 2) {
    const std::string_view option = words[index];
    if (std::ranges::find(options, option) == options.end()) return unknown_word("option", option, options);
    if (index + 1 == words.size()) return UsageError{std::string(option) + " needs a value"};
    const std::optional<UsageError> error = option == "--scale" ? set_scale(request.settings, words[index + 1])
                                                                : set_threads(request.settings, workload, words[index + 1]);
    if (error) return *error;
  }
  return request;
}

}  // namespace

Request parse_command_line(std::span<const std::string_view> words) {
  if (words.empty()) return UsageError{"no workload named"};
  if (words[0] == "--help" || words[0] == "-h") return HelpRequest{};
  if (words[0] == "list") return parse_list(words.subspan(1));
  const auto workload = std::ranges::find(workloads(), words[0], &Workload::name);
  if (workload == workloads().end()) return unknown_name(words[0]);
  return parse_run(*workload, words.subspan(1));
}

std::string_view usage_text() {
  return "Usage: strata-allocator-bench list [--json]\n"
         "       strata-allocator-bench NAME [--scale F] [--threads N]\n"
         "\n"
         "Runs one workload against the malloc that is loaded (LD_PRELOAD another to compare) and prints one JSON object.\n"
         "  --scale F    shrink the counts by F, above 0 and up to 1 (default 1: the parameters that results are quoted for)\n"
         "  --threads N  instead of the workload's own number, mostly one per core\n"
         "Exit status: 0 done, 1 the allocator misbehaved, 2 the command line is wrong.\n";
}

unsigned default_threads(const Workload& workload) {
  const ThreadRange& range = workload.threads;
  return range.normal != 0 ? range.normal : std::clamp(cores(), range.least, range.most);
}

}  // namespace strata::loadtest::allocator
