#include "engine/allocator/process_allocator.h"
#include "engine/api/strata.h"
#include "engine/api/versioned_struct.h"

namespace {

constexpr const char* kFunction = "strata_memory_statistics";

}  // namespace

strata_status strata_memory_statistics(strata_statistics* out) noexcept {
  namespace allocator = strata::allocator;
  namespace api = strata::api;
  // Before its start the allocator has no slices to ask about.
  if (!allocator::start_process_allocator())
    return api::failed({STRATA_OUT_OF_MEMORY, kFunction, "the system gives no address space"});
  const allocator::SliceStatistics slices = allocator::process.slices.statistics();
  const strata_statistics ours{.struct_bytes = sizeof ours,
                               .reserved_bytes = slices.reserved_bytes,
                               .committed_bytes = slices.committed_bytes,
                               .in_use_bytes = slices.in_use_bytes,
                               .dirty_free_bytes = slices.dirty_free_bytes,
                               .purged_bytes = slices.purged_bytes,
                               .purge_calls = slices.purge_calls,
                               .purge_failures = slices.purge_failures,
                               .metadata_bytes = slices.metadata_bytes};
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_statistics, metadata_bytes) + sizeof(uint64_t);
  return api::give_out(out, ours, kFirstVersionBytes, kFunction);
}
