#include "engine/allocator/walk.h"

#include "engine/api/failure.h"
#include "engine/api/strata.h"

namespace {

struct Visit {
  strata_block_visitor visitor;
  void* context;
};

bool pass_on(const strata::allocator::BlockDescription& block, void* argument) {
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
  strata::allocator::walk_blocks(pass_on, &visit);
  return STRATA_OK;
}
