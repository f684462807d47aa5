#pragma once

namespace strata::loadtest::allocator {

// Says on stderr what is wrong with the allocator under test and ends the program with status 1, at once: with a heap that
// is broken, neither unwinding nor destructors can be trusted. Any thread.
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* format, ...);

}  // namespace strata::loadtest::allocator
