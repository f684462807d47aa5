#include "loadtest/allocator/failure.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace strata::loadtest::allocator {

void fail(const char* format, ...) {
  // One write without a buffer of stdio: that one would come from the heap, and two threads may fail at once.
  std::array<char, 512> text;
  const int prefix = std::snprintf(text.data(), text.size(), "strata-allocator-bench: ");
  std::va_list arguments;
  va_start(arguments, format);
  const auto room = text.size() - static_cast<std::size_t>(prefix) - 1;
  const int length = std::vsnprintf(text.data() + prefix, room, format, arguments);
  va_end(arguments);
  const auto end = static_cast<std::size_t>(prefix) + std::min(static_cast<std::size_t>(std::max(length, 0)), room - 1);
  text[end] = '\n';
  if (write(STDERR_FILENO, text.data(), end + 1) < 0) std::_Exit(1);
  std::_Exit(1);
}

}  // namespace strata::loadtest::allocator
