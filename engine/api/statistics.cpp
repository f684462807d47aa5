#include "engine/allocator/statistics.h"

#include "engine/allocator/allocate.h"
#include "engine/api/strata.h"
#include "engine/api/versioned_struct.h"

namespace {

namespace allocator = strata::allocator;
namespace api = strata::api;

strata_statistics as_told(const allocator::AllocatorStatistics& read) noexcept {
  return {.struct_bytes = sizeof(strata_statistics),
          .in_use_bytes = read.held.in_use_bytes,
          .metadata_bytes = read.metadata_bytes,
          .used_bytes = read.used_bytes,
          .used_blocks = read.used_blocks,
          .fragmentation = read.fragmentation,
          .large_blocks = read.large_blocks,
          .large_bytes = read.large_bytes,
          .large_requested_bytes = read.large_requested_bytes,
          .recycled_spans = read.recycled_spans,
          .recycled_used_bytes = read.recycled_used_bytes,
          .granule_spans = read.granule_spans,
          .granule_used_bytes = read.granule_used_bytes,
          .blocks_taken = read.blocks_taken,
          .bytes_taken = read.bytes_taken,
          .blocks_returned = read.blocks_returned,
          .bytes_returned = read.bytes_returned,
          .refills = read.refills,
          .threads = read.threads,
          .thread_heaps = read.thread_heaps,
          .shared_heaps = read.shared_heaps};
}

strata_held_memory as_told(const allocator::HeldMemory& read) noexcept {
  return {.struct_bytes = sizeof(strata_held_memory),
          .reserved_bytes = read.reserved_bytes,
          .committed_bytes = read.committed_bytes,
          .in_use_bytes = read.in_use_bytes,
          .dirty_free_bytes = read.dirty_free_bytes,
          .purged_in_use_bytes = read.purged_in_use_bytes,
          .purged_bytes = read.purged_bytes,
          .purge_calls = read.purge_calls,
          .purge_failures = read.purge_failures,
          .map_bytes = read.map_bytes,
          .limit_bytes = read.limit_bytes,
          .refused = read.refused,
          .resident_at_most_bytes = read.resident_at_most()};
}

// REQUIRES: there are spans of the class.
strata_class_statistics as_told(const allocator::ClassUsage& read) noexcept {
  static_assert(STRATA_OCCUPANCY_BINS == allocator::kOccupancyBins);
  strata_class_statistics told{.block_bytes = read.block_bytes,
                               .spans = read.spans,
                               .capacity = read.capacity,
                               .carved = read.carved,
                               .used = read.used,
                               .fragmentation = 1.0 - static_cast<double>(read.used) / static_cast<double>(read.capacity),
                               .occupancy = {},
                               .recoverable_spans = read.recoverable_spans};
  for (std::size_t bin = 0; bin < allocator::kOccupancyBins; ++bin) told.occupancy[bin] = read.occupancy[bin];
  return told;
}

strata_heap_strategy as_told(allocator::HeapStrategy strategy) noexcept {
  switch (strategy) {
    case allocator::HeapStrategy::size_class: return STRATA_HEAP_SIZE_CLASS;
    case allocator::HeapStrategy::best_fit: return STRATA_HEAP_BEST_FIT;
    case allocator::HeapStrategy::arena: return STRATA_HEAP_ARENA;
  }
  return STRATA_HEAP_SIZE_CLASS;
}

strata_heap_statistics as_told(const allocator::HeapDescription& read) noexcept {
  return {.id = read.id,
          .is_of_thread = !read.is_shared,
          .is_in_use = read.is_in_use,
          .strategy = as_told(read.strategy),
          .name = read.name.data(),
          .spans = read.spans,
          .held_bytes = read.held_bytes,
          .used_bytes = read.used_bytes,
          .limit_bytes = read.limit_bytes};
}

// All heaps, in memory that is given back at the end.
class HeapList {
 public:
  HeapList() noexcept {
    // As long as others make new heaps between counting them and having room for them.
    for (;;) {
      const std::size_t there = allocator::read_heaps(heaps_, room_);
      if (there <= room_) {
        count_ = there;
        return;
      }
      // The first memory of a thread gives it a heap, too.
      room_ = there + 8;
      allocator::deallocate(heaps_);
      heaps_ = static_cast<allocator::HeapDescription*>(allocator::allocate(room_ * sizeof(allocator::HeapDescription)));
      if (heaps_ == nullptr) return;
    }
  }
  ~HeapList() { allocator::deallocate(heaps_); }
  HeapList(const HeapList&) = delete;
  HeapList& operator=(const HeapList&) = delete;

  [[nodiscard]] bool is_whole() const noexcept { return room_ == 0 || heaps_ != nullptr; }
  [[nodiscard]] const allocator::HeapDescription* begin() const noexcept { return heaps_; }
  [[nodiscard]] const allocator::HeapDescription* end() const noexcept { return heaps_ + count_; }

 private:
  allocator::HeapDescription* heaps_ = nullptr;
  std::size_t room_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

strata_status strata_memory_held(strata_held_memory* out) noexcept {
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_held_memory, resident_at_most_bytes) + sizeof(uint64_t);
  return api::give_out(out, as_told(allocator::read_held_memory()), kFirstVersionBytes, "strata_memory_held");
}

strata_status strata_memory_statistics(strata_statistics* out) noexcept {
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_statistics, shared_heaps) + sizeof(uint64_t);
  return api::give_out(out, as_told(allocator::read_statistics()), kFirstVersionBytes, "strata_memory_statistics");
}

strata_status strata_visit_size_classes(strata_class_visitor visitor, void* context) noexcept {
  if (visitor == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, "strata_visit_size_classes", "no visitor"});
  const allocator::AllocatorStatistics read = allocator::read_statistics();
  for (const allocator::ClassUsage& size_class : read.classes) {
    if (size_class.spans == 0) continue;
    const strata_class_statistics told = as_told(size_class);
    if (!visitor(&told, context)) break;
  }
  return STRATA_OK;
}

strata_status strata_visit_heaps(strata_heap_visitor visitor, void* context) noexcept {
  constexpr const char* kFunction = "strata_visit_heaps";
  if (visitor == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, kFunction, "no visitor"});
  const HeapList heaps;
  if (!heaps.is_whole()) return api::failed({STRATA_OUT_OF_MEMORY, kFunction, "no memory for the list of heaps"});
  for (const allocator::HeapDescription& heap : heaps) {
    const strata_heap_statistics told = as_told(heap);
    if (!visitor(&told, context)) break;
  }
  return STRATA_OK;
}
