#include "tests/golden/golden_data.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "loadtest/workload/trace.h"

namespace strata::golden {
namespace {

constexpr std::uint64_t kRequests = 1'000'000;  // the figures are of the first ones

NumberedTrace number_objects(const loadtest::Trace& trace) {
  NumberedTrace numbered;
  std::unordered_map<std::uint64_t, Object> numbers;
  for (const loadtest::Access& access : trace.accesses) {
    numbered.accesses.push_back(numbers.emplace(access.key, static_cast<Object>(numbers.size())).first->second);
  }
  numbered.objects = static_cast<Object>(numbers.size());
  return numbered;
}

}  // namespace

std::filesystem::path GoldenData::folder() {
  const char* given = std::getenv("STRATA_DATA");
  return given != nullptr ? given : STRATA_USUAL_DATA;
}

void GoldenData::SetUp() {
  if (!std::filesystem::is_directory(folder())) {
    GTEST_SKIP() << "there are no traces: set STRATA_DATA to the folder that has traces/ and golden/ (" << folder() << ")";
  }
}

std::vector<GoldenRow> GoldenData::rows(const std::string& policy) {
  const std::filesystem::path path = folder() / "golden" / "miss-ratios.csv";
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "trace,requests,objects,policy,fraction,cache_objects,miss_ratio") << path;
  std::vector<GoldenRow> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string cell[7];
    for (std::string& text : cell) std::getline(cells, text, ',');
    if (cell[3] != policy) continue;
    rows.push_back({cell[0], cell[3], std::stoull(cell[1]), std::stoull(cell[2]), std::stoull(cell[5]), std::stod(cell[6])});
  }
  return rows;
}

const NumberedTrace& GoldenData::trace(const std::string& name) {
  const auto known = traces_.find(name);
  if (known != traces_.end()) return known->second;
  std::string problem;
  const auto read = loadtest::Trace::read(folder() / "traces" / (name + ".trc.zst"), kRequests, problem);
  EXPECT_TRUE(read) << problem;
  return traces_.emplace(name, number_objects(read.value_or(loadtest::Trace{}))).first->second;
}

}  // namespace strata::golden
