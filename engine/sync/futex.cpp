#include "engine/sync/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace strata::sync {
namespace {

void futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) noexcept {
  const int errno_before = errno;
  ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
  errno = errno_before;
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept { futex(word, FUTEX_WAIT_PRIVATE, value); }

void futex_wake(const std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept { futex(word, FUTEX_WAKE_PRIVATE, count); }

}  // namespace strata::sync
