// The functions of strata.h for heaps.
#include <cstdint>
#include <cstring>
#include <optional>

#include "engine/allocator/shared_heap.h"
#include "engine/api/failure.h"
#include "engine/api/strata.h"
#include "engine/api/versioned_struct.h"

namespace {

namespace allocator = strata::allocator;
namespace api = strata::api;
using allocator::SharedHeap;

SharedHeap* inner(strata_heap* heap) noexcept { return reinterpret_cast<SharedHeap*>(heap); }
const SharedHeap* inner(const strata_heap* heap) noexcept { return reinterpret_cast<const SharedHeap*>(heap); }

// STRATA_OK, or what is wrong with it, which is told.
strata_status check_heap(const char* function, const strata_heap* heap) noexcept {
  if (SharedHeap::is_heap(heap)) [[likely]]
    return STRATA_OK;
  if (heap == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, function, "no heap"});
  return api::failed({STRATA_INVALID_HEAP, function, "not a heap, or one that was destroyed", 0, heap});
}

bool is_heap(const char* function, const strata_heap* heap) noexcept { return check_heap(function, heap) == STRATA_OK; }

// False: the block is not of this heap, and that is told.
bool is_block_of(const char* function, SharedHeap& heap, const void* block) noexcept {
  if (heap.owns(block)) [[likely]]
    return true;
  if (!strata_owns(block)) {
    api::fail({STRATA_INVALID_POINTER, function, "not a block of this library", 0, block});
  } else {
    api::fail({STRATA_WRONG_HEAP, function, "the block is of another heap, or of the process", 0, block});
  }
  return false;
}

// Of a program in C it may be any number, which a C++ enumeration may not.
std::optional<allocator::HeapStrategy> strategy_of(const strata_heap_strategy& strategy) noexcept {
  static_assert(sizeof strategy == sizeof(std::uint32_t));
  std::uint32_t number = 0;
  std::memcpy(&number, &strategy, sizeof number);
  switch (number) {
    case STRATA_HEAP_SIZE_CLASS: return allocator::HeapStrategy::size_class;
    case STRATA_HEAP_BEST_FIT: return allocator::HeapStrategy::best_fit;
    case STRATA_HEAP_ARENA: return allocator::HeapStrategy::arena;
  }
  return std::nullopt;
}

}  // namespace

strata_heap* strata_heap_create(const strata_heap_options* options) noexcept {
  constexpr const char* kFunction = "strata_heap_create";
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_heap_options, limit_bytes) + sizeof(uint64_t);
  strata_heap_options ours = STRATA_HEAP_OPTIONS_INIT;
  if (options != nullptr && api::take_in(*options, ours, kFirstVersionBytes, kFunction) != STRATA_OK) return nullptr;
  const auto strategy = strategy_of(ours.strategy);
  if (!strategy.has_value()) {
    api::fail({STRATA_INVALID_ARGUMENT, kFunction, "there is no such strategy"});
    return nullptr;
  }
  SharedHeap* heap =
      SharedHeap::create({.name = ours.name == nullptr ? "" : ours.name, .strategy = *strategy, .limit_bytes = ours.limit_bytes});
  return reinterpret_cast<strata_heap*>(api::or_out_of_memory(heap, kFunction, 0));
}

void strata_heap_destroy(strata_heap* heap) noexcept {
  if (heap != nullptr && is_heap("strata_heap_destroy", heap)) SharedHeap::destroy(inner(heap));
}

void* strata_heap_malloc(strata_heap* heap, size_t bytes) noexcept {
  constexpr const char* kFunction = "strata_heap_malloc";
  if (!is_heap(kFunction, heap) || !api::is_possible_size(kFunction, bytes)) return nullptr;
  return api::or_out_of_memory(inner(heap)->allocate(bytes, allocator::kMallocAlignment), kFunction, bytes);
}

void* strata_heap_calloc(strata_heap* heap, size_t count, size_t bytes) noexcept {
  constexpr const char* kFunction = "strata_heap_calloc";
  std::size_t total = 0;
  if (!is_heap(kFunction, heap) || !api::multiply_sizes(kFunction, count, bytes, total)) return nullptr;
  return api::or_out_of_memory(inner(heap)->allocate_zeroed(total, allocator::kMallocAlignment), kFunction, total);
}

void* strata_heap_aligned_alloc(strata_heap* heap, size_t alignment, size_t bytes) noexcept {
  constexpr const char* kFunction = "strata_heap_aligned_alloc";
  if (!is_heap(kFunction, heap) || !api::is_alignment(kFunction, alignment) || !api::is_possible_size(kFunction, bytes))
    return nullptr;
  return api::or_out_of_memory(inner(heap)->allocate(bytes, alignment), kFunction, bytes);
}

void* strata_heap_realloc(strata_heap* heap, void* block, size_t bytes) noexcept {
  constexpr const char* kFunction = "strata_heap_realloc";
  if (!is_heap(kFunction, heap) || !api::is_possible_size(kFunction, bytes)) return nullptr;
  if (block == nullptr) return api::or_out_of_memory(inner(heap)->allocate(bytes, allocator::kMallocAlignment), kFunction, bytes);
  if (!is_block_of(kFunction, *inner(heap), block)) return nullptr;
  void* const moved = inner(heap)->reallocate(block, bytes);
  if (moved == nullptr && inner(heap)->usable_bytes(block) == 0) {
    api::fail({STRATA_INVALID_POINTER, kFunction, "no block of the heap begins there", bytes, block});
    return nullptr;
  }
  return api::or_out_of_memory(moved, kFunction, bytes);
}

void strata_heap_free(strata_heap* heap, void* block) noexcept {
  constexpr const char* kFunction = "strata_heap_free";
  if (!is_heap(kFunction, heap) || block == nullptr) return;
  if (is_block_of(kFunction, *inner(heap), block)) inner(heap)->deallocate(block);
}

strata_status strata_heap_reset(strata_heap* heap) noexcept {
  if (const strata_status status = check_heap("strata_heap_reset", heap); status != STRATA_OK) return status;
  inner(heap)->reset();
  return STRATA_OK;
}

bool strata_heap_owns(const strata_heap* heap, const void* block) noexcept {
  return SharedHeap::is_heap(heap) && inner(heap)->owns(block);
}

const char* strata_heap_name(const strata_heap* heap) noexcept { return SharedHeap::is_heap(heap) ? inner(heap)->name() : ""; }

strata_status strata_heap_usage(const strata_heap* heap, strata_usage* out) noexcept {
  constexpr const char* kFunction = "strata_heap_usage";
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_usage, refused) + sizeof(uint64_t);
  if (const strata_status status = check_heap(kFunction, heap); status != STRATA_OK) return status;
  const allocator::HeapUsage usage = inner(heap)->usage();
  const strata_usage ours{.struct_bytes = sizeof ours,
                          .used_bytes = usage.used_bytes,
                          .held_bytes = usage.held_bytes,
                          .limit_bytes = usage.limit_bytes,
                          .record_bytes = usage.record_bytes,
                          .used_blocks = usage.used_blocks,
                          .refused = usage.refused};
  return api::give_out(out, ours, kFirstVersionBytes, kFunction);
}
