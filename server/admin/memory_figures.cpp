#include "server/admin/memory_figures.h"

#include <boost/json/value.hpp>

#include "server/admin/purpose_name.h"

namespace strata::server::admin {

namespace json = boost::json;

json::object memory_figures(const Cache& cache) {
  const Budget& budget = cache.budget();
  const cache::CompactionStatistics compaction = cache.compaction_statistics();
  json::object by_purpose;
  for (std::size_t i = 0; i < kPurposeNames.size(); ++i) by_purpose[kPurposeNames[i]] = budget.bytes(static_cast<Purpose>(i));
  const cache::ExpiryStatistics expiry = cache.expiry_statistics();
  const os::ResidentMemory resident = LinuxSystemMemory().resident();
  return {{"bytes", std::move(by_purpose)},
          {"total_bytes", budget.total_bytes()},
          {"charged_resident_bytes", cache.resident_bytes()},
          {"items_free_bytes", compaction.free_bytes},
          {"compaction",
           {{"moved_items", compaction.moved_items},
            {"moved_bytes", compaction.moved_bytes},
            {"segments_emptied", compaction.segments_emptied},
            {"given_up", compaction.given_up}}},
          {"expiry", {{"walks", expiry.walks}, {"looked_at", expiry.looked}}},
          {"limit_bytes", budget.limit_bytes()},
          {"peak_bytes", budget.peak_bytes()},
          {"resident_bytes",
           {{"anonymous", resident.anonymous_bytes},
            {"file", resident.file_bytes},
            {"shared", resident.shared_bytes},
            {"page_tables", resident.page_table_bytes}}}};
}

json::object allocator_figures() {
  strata_held_memory held{};
  held.struct_bytes = sizeof held;
  (void)strata_memory_held(&held);  // fails on a wrong size only
  return {{"in_use_bytes", held.in_use_bytes},     {"free_resident_bytes", held.dirty_free_bytes},
          {"metadata_bytes", held.map_bytes},      {"purged_in_use_bytes", held.purged_in_use_bytes},
          {"reserved_bytes", held.reserved_bytes}, {"purged_bytes", held.purged_bytes},
          {"purge_calls", held.purge_calls}};
}

}  // namespace strata::server::admin
