#include "engine/os/entropy.h"

#include <sys/random.h>

#include <cerrno>

namespace strata::os {

bool fill_random(std::span<std::byte> destination) noexcept {
  while (!destination.empty()) {
    const ssize_t got = getrandom(destination.data(), destination.size(), 0);
    if (got > 0) {
      destination = destination.subspan(static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::optional<std::uint64_t> random_u64() noexcept {
  std::uint64_t value = 0;
  if (!fill_random(std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
  return value;
}

}  // namespace strata::os
