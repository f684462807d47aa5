#include "engine/sync/asymmetric_fence.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace strata::sync {
namespace {

bool call(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

// Where this is not set yet, light fences are full ones; that pairs with heavy ones as well.
const bool asymmetric_fence::is_supported = call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);

void heavy_fence() noexcept {
  full_fence();
  if (asymmetric_fence::is_supported) (void)call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace strata::sync
