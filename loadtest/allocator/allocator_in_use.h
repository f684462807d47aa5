#pragma once

#include <string>

namespace strata::loadtest::allocator {

// Whose malloc this process calls, found by asking the dynamic linker which file defines it.
struct AllocatorInUse {
  std::string name;     // glibc, jemalloc, mimalloc, strata, tcmalloc; of any other file its name
  std::string library;  // the file's name without its folder
};
AllocatorInUse allocator_in_use();

}  // namespace strata::loadtest::allocator
