#include "engine/allocator/limits.h"

#include "engine/allocator/process_allocator.h"
#include "engine/allocator/shared_heap.h"

namespace strata::allocator {

void set_limit(std::uint64_t bytes) noexcept { process.slices.set_limit(bytes); }

std::uint64_t limit() noexcept { return process.slices.limit_bytes(); }

std::uint64_t refused_allocations() noexcept { return process.slices.refused(); }

void purge_all() noexcept {
  if (current_heap->started()) {
    current_heap->flush();
    current_heap->release_empty();
    // What was at hand and is another heap's.
    current_heap->flush();
  }
  {
    const sync::MutexLock lock(process.heaps_mutex);
    for (SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered) heap->release_unneeded();
  }
  process.slices.purge_all();
}

}  // namespace strata::allocator
