#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadtest/prototypes/placement/placement.h"
#include "loadtest/random.h"
#include "loadtest/report/histogram.h"
#include "loadtest/workload/trace.h"

namespace strata::placement {

// Drives a placement as a cache would: builds each new item before it lets go of the old one, writes every byte of it, and checks
// when it moves on that what it wrote is still there.
class Driver {
 public:
  Driver(const std::string& placement, Owner owners, const Limits& limits);

  // Stores an item of the owner in place of the one it may have. False if there was no room.
  bool store(Owner owner, std::uint32_t bytes);
  void remove(Owner owner);
  // True if the owner's item is there; marks it as hit.
  bool hit(Owner owner);

  const ItemTable& table() const { return table_; }
  const Placement& placement() const { return *placement_; }
  // Every item's bytes are what was written; the table's sums are right. Prints what is wrong and aborts otherwise.
  void check();

  struct Phase {
    std::string name;
    std::uint64_t stores = 0;
    double ns_per_store = 0;
    double p999_us = 0, worst_us = 0;
    double copied_per_inserted = 0;
    double resident_per_requested = 0;
    std::uint64_t resident_bytes = 0, items = 0, evicted = 0, drained = 0;
    double hit_ratio = -1;
  };
  void begin_phase();
  Phase end_phase(const std::string& name);

 private:
  ItemTable table_;
  std::unique_ptr<Placement> placement_;
  loadtest::Histogram times_;
  Counters at_begin_;
  std::uint64_t stores_ = 0, spent_ns_ = 0;
};

struct Given {
  std::string placement;
  std::uint64_t budget_bytes = 0;
  std::uint32_t unit_bytes = 0;
  double copies_per_insert = 1.0;
  double least_free_share = 0.06;
};

// Each prints its phases as they end.
std::vector<Driver::Phase> load_item_sets(const Given& given, double scale);
std::vector<Driver::Phase> overwrite_same_sizes(const Given& given);
std::vector<Driver::Phase> overwrite_drifting_sizes(const Given& given);
std::vector<Driver::Phase> drift_at_the_limit(const Given& given);
std::vector<Driver::Phase> expire_in_waves(const Given& given);
std::vector<Driver::Phase> replay(const Given& given, const std::string& name, const loadtest::Trace& trace);

}  // namespace strata::placement
