// The simulator against the miss ratios that a public simulator computed for the recorded traces (golden/miss-ratios.csv).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <unordered_map>

#include "loadtest/workload/trace.h"
#include "tests/golden/policy_simulator.h"

namespace strata::golden {
namespace {

constexpr std::uint64_t kRequests = 1'000'000;  // the figures are of the first ones

std::filesystem::path data_folder() {
  const char* given = std::getenv("STRATA_DATA");
  return given != nullptr ? given : STRATA_USUAL_DATA;
}

struct Row {
  std::string trace, policy;
  std::uint64_t requests = 0, objects = 0, capacity = 0;
  double miss_ratio = 0;
};

std::vector<Row> read_rows(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "trace,requests,objects,policy,fraction,cache_objects,miss_ratio") << path;
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string cell[7];
    for (std::string& text : cell) std::getline(cells, text, ',');
    rows.push_back({cell[0], cell[3], std::stoull(cell[1]), std::stoull(cell[2]), std::stoull(cell[5]), std::stod(cell[6])});
  }
  return rows;
}

struct Numbered {
  std::vector<Object> accesses;
  Object objects = 0;
};

Numbered number_objects(const loadtest::Trace& trace) {
  Numbered numbered;
  std::unordered_map<std::uint64_t, Object> numbers;
  for (const loadtest::Access& access : trace.accesses) {
    numbered.accesses.push_back(numbers.emplace(access.key, static_cast<Object>(numbers.size())).first->second);
  }
  numbered.objects = static_cast<Object>(numbers.size());
  return numbered;
}

class GoldenMissRatios : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(data_folder())) {
      GTEST_SKIP() << "there are no traces: set STRATA_DATA to the folder that has traces/ and golden/ (" << data_folder() << ")";
    }
  }

  const Numbered& trace(const std::string& name) {
    const auto known = traces_.find(name);
    if (known != traces_.end()) return known->second;
    std::string problem;
    const auto read = loadtest::Trace::read(data_folder() / "traces" / (name + ".trc.zst"), kRequests, problem);
    EXPECT_TRUE(read) << problem;
    return traces_.emplace(name, number_objects(read.value_or(loadtest::Trace{}))).first->second;
  }

  // How many rows of the policy were compared.
  int compare(const std::string& policy, double tolerance) {
    int compared = 0;
    for (const Row& row : read_rows(data_folder() / "golden" / "miss-ratios.csv")) {
      if (row.policy != policy) continue;
      const Numbered& input = trace(row.trace);
      EXPECT_EQ(input.accesses.size(), row.requests) << row.trace;
      EXPECT_EQ(input.objects, row.objects) << row.trace;
      const auto simulator = PolicySimulator::make(policy, input.objects, row.capacity);
      const double ours = miss_ratio(*simulator, input.accesses);
      EXPECT_NEAR(ours, row.miss_ratio, tolerance) << row.trace << ", " << policy << ", " << row.capacity << " objects";
      worst_ = std::max(worst_, std::abs(ours - row.miss_ratio));
      ++compared;
    }
    RecordProperty("worst_difference", fmt::format("{:.5f}", worst_));
    return compared;
  }

  double worst_ = 0;

 private:
  std::map<std::string, Numbered> traces_;
};

TEST_F(GoldenMissRatios, Fifo) { EXPECT_EQ(compare("fifo", 0.001), 15); }
TEST_F(GoldenMissRatios, Lru) { EXPECT_EQ(compare("lru", 0.001), 15); }
TEST_F(GoldenMissRatios, Clock) { EXPECT_EQ(compare("clock", 0.001), 15); }
TEST_F(GoldenMissRatios, Sieve) { EXPECT_EQ(compare("sieve", 0.001), 15); }
TEST_F(GoldenMissRatios, S3Fifo) { EXPECT_EQ(compare("s3fifo", 0.001), 15); }

TEST(PolicySimulator, UnknownNamesAreRefused) { EXPECT_EQ(PolicySimulator::make("lirs", 10, 5), nullptr); }

// Worked by hand: what separates the policies on the smallest of traces, in a cache of three.
TEST(PolicySimulator, TheSameTraceUnderEachPolicy) {
  const std::vector<Object> accesses = {0, 1, 2, 0, 3, 0, 4, 1, 0};
  const std::map<std::string, int> misses = {{"fifo", 7}, {"lru", 6}, {"clock", 6}, {"sieve", 6}};
  for (const auto& [policy, count] : misses) {
    const auto simulator = PolicySimulator::make(policy, 5, 3);
    EXPECT_DOUBLE_EQ(miss_ratio(*simulator, accesses) * 9, count) << policy;
  }
}

}  // namespace
}  // namespace strata::golden
