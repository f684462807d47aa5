#include "engine/allocator/walk.h"

#include "engine/api/failure.h"
#include "engine/api/strata.h"

namespace {

namespace allocator = strata::allocator;

// The flags are passed on as they are.
static_assert(std::uint32_t{STRATA_BLOCK_LARGE} == allocator::kBlockLarge);
static_assert(std::uint32_t{STRATA_BLOCK_FREE_RANGE} == allocator::kBlockFreeRange);
static_assert(std::uint32_t{STRATA_BLOCK_UNMADE} == allocator::kBlockUnmade);
static_assert(std::uint32_t{STRATA_BLOCK_TAIL} == allocator::kBlockTail);
static_assert(std::uint32_t{STRATA_BLOCK_RECORDS} == allocator::kBlockRecords);
static_assert(std::uint32_t{STRATA_BLOCK_HEAP} == allocator::kBlockSharedHeap);
static_assert(std::uint32_t{STRATA_BLOCK_RECYCLED} == allocator::kBlockRecycled);
static_assert(std::uint32_t{STRATA_BLOCK_APPROXIMATE} == allocator::kBlockApproximate);

struct Visit {
  strata_block_visitor visitor;
  void* context;
};

bool pass_on(const allocator::BlockDescription& block, void* argument) {
  const auto& visit = *static_cast<const Visit*>(argument);
  const strata_block passed{.size = block.size,
                            .alignment = block.alignment,
                            .is_free = block.is_free,
                            .start_address = block.start_address,
                            .user_ptr = block.user_ptr,
                            .flags = block.flags,
                            .next = block.next,
                            .prev = block.prev};
  return visit.visitor(&passed, visit.context);
}

}  // namespace

strata_status strata_walk_blocks(strata_block_visitor visitor, void* context) noexcept {
  if (visitor == nullptr) return strata::api::failed({STRATA_INVALID_ARGUMENT, "strata_walk_blocks", "no visitor"});
  Visit visit{.visitor = visitor, .context = context};
  allocator::walk_blocks(pass_on, &visit);
  return STRATA_OK;
}
