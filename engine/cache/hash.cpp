#include "engine/cache/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strata::cache {

std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace strata::cache
