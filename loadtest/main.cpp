#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "loadtest/command_line.h"
#include "loadtest/report/report.h"
#include "loadtest/run/driver.h"
#include "loadtest/run/session.h"

namespace {

using namespace strata::loadtest;

bool write(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  std::FILE* const file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr) written = (path == "-" ? std::fflush(file) : std::fclose(file)) == 0 && written;
  if (!written) fmt::print(stderr, "strata-loadtest: cannot write {}\n", path);
  return written;
}

int main_or_throw(int argc, char** argv) {
  int exit_code = 0;
  const auto options = read_command_line(argc, argv, exit_code);
  if (!options) return exit_code;
  if (options->command == Command::presets) return write("-", preset_list()) ? 0 : 1;
  std::string problem;
  const auto driver = Driver::make(*options, problem);
  if (!driver) {
    fmt::print(stderr, "strata-loadtest: {}\n", problem);
    return 2;
  }
  const RunResult result = perform(*options, *driver);
  // Standard output belongs to one of them.
  const bool taken = options->json_file == "-" || options->csv_file == "-";
  fmt::print(taken ? stderr : stdout, "{}", text_report(*options, result));
  for (const std::string& failure : result.problems) fmt::print(stderr, "strata-loadtest: {}\n", failure);
  const bool written = write(options->json_file, json_report(*options, result)) && write(options->csv_file, csv_report(result));
  return written && result.problems.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return main_or_throw(argc, argv);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "strata-loadtest: {}\n", failure.what());
    return 1;
  }
}
