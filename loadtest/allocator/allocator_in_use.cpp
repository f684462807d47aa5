#include "loadtest/allocator/allocator_in_use.h"

#include <dlfcn.h>

#include <array>
#include <string_view>
#include <utility>

namespace strata::loadtest::allocator {

AllocatorInUse allocator_in_use() {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames = {{{"libjemalloc", "jemalloc"},
                                                                                    {"libmimalloc", "mimalloc"},
                                                                                    {"libtcmalloc", "tcmalloc"},
                                                                                    {"libstrata_malloc", "strata"},
                                                                                    {"libc.so", "glibc"}}};
  Dl_info info{};
  const void* malloc_address = dlsym(RTLD_DEFAULT, "malloc");
  if (malloc_address == nullptr || dladdr(malloc_address, &info) == 0 || info.dli_fname == nullptr) {
    return {"unknown", "unknown"};
  }
  std::string_view file = info.dli_fname;
  file.remove_prefix(file.rfind('/') + 1);
  for (const auto& [prefix, name] : kNames) {
    if (file.starts_with(prefix)) return {std::string(name), std::string(file)};
  }
  return {std::string(file), std::string(file)};
}

}  // namespace strata::loadtest::allocator
