#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "engine/api/failure.h"

// Structures of strata.h that may grow: their first member, struct_bytes, is how large the caller's version of them is. For engine/api only.
namespace strata::api {

// Fills the caller's structure from ours as far as both reach; what only the caller knows becomes 0. `least_bytes`: of the first version.
template <typename Struct>
[[nodiscard]] strata_status give_out(Struct* out, const Struct& ours, std::size_t least_bytes, const char* function) noexcept {
  static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, struct_bytes) == 0);
  if (out == nullptr) return failed({STRATA_INVALID_ARGUMENT, function, "no structure to fill"});
  const std::size_t theirs = out->struct_bytes;
  if (theirs < least_bytes)
    return failed({STRATA_STRUCT_SIZE, function, "struct_bytes is not set to the structure's size", theirs});
  const std::size_t known = std::min(theirs, sizeof(Struct));
  std::memcpy(out, &ours, known);
  std::memset(reinterpret_cast<std::byte*>(out) + known, 0, theirs - known);
  out->struct_bytes = theirs;
  return STRATA_OK;
}

// The caller's structure as ours: members only we know keep the values that `ours` comes with. What only the caller knows has to be 0, or
// it asks for something that we cannot do.
template <typename Struct>
[[nodiscard]] strata_status take_in(const Struct& theirs, Struct& ours, std::size_t least_bytes, const char* function) noexcept {
  static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, struct_bytes) == 0);
  const std::size_t bytes = theirs.struct_bytes;
  if (bytes < least_bytes)
    return failed({STRATA_STRUCT_SIZE, function, "struct_bytes is not set to the structure's size", bytes});
  const auto* const raw = reinterpret_cast<const std::byte*>(&theirs);
  const bool is_understood = bytes <= sizeof(Struct) ||
                             std::all_of(raw + sizeof(Struct), raw + bytes, [](std::byte byte) { return byte == std::byte{}; });
  if (!is_understood) return failed({STRATA_STRUCT_SIZE, function, "the structure sets what this version does not know", bytes});
  std::memcpy(&ours, &theirs, std::min(bytes, sizeof(Struct)));
  ours.struct_bytes = sizeof(Struct);
  return STRATA_OK;
}

}  // namespace strata::api
