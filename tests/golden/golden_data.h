#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/golden/policy_simulator.h"

namespace strata::golden {

// One line of miss-ratios.csv: what a public simulator computed for the first requests of a recorded trace.
struct GoldenRow {
  std::string trace, policy;
  std::uint64_t requests = 0, objects = 0, capacity = 0;
  double miss_ratio = 0;
};

// The accesses of a trace, its objects numbered from 0 in the order of their first one.
struct NumberedTrace {
  std::vector<Object> accesses;
  Object objects = 0;
};

// Reads the golden figures and the traces that they are of; skips the test where there are none.
class GoldenData : public testing::Test {
 protected:
  void SetUp() override;

  static std::filesystem::path folder();
  static std::vector<GoldenRow> rows(const std::string& policy);
  const NumberedTrace& trace(const std::string& name);

 private:
  std::map<std::string, NumberedTrace> traces_;
};

}  // namespace strata::golden
