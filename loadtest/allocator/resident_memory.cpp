#include "loadtest/allocator/resident_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "loadtest/allocator/failure.h"

namespace strata::loadtest::allocator {

std::uint64_t resident_bytes() {
  // Not statm: its counters lag behind by some dozen pages per thread.
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("cannot open /proc/self/smaps_rollup: %s", strerrordesc_np(errno));
  std::array<char, 4096> text{};
  std::size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < text.size() - 1; length += static_cast<std::size_t>(got)) {
    got = read(file, text.data() + length, text.size() - 1 - length);
    if (got < 0) break;
  }
  close(file);
  constexpr const char* kLabel = "\nRss:";
  const char* line = std::strstr(text.data(), kLabel);
  if (line == nullptr) fail("no line \"Rss:\" in /proc/self/smaps_rollup");
  return std::strtoull(line + std::strlen(kLabel), nullptr, 10) * 1024;
}

}  // namespace strata::loadtest::allocator
