#pragma once

#include <cstddef>
#include <string_view>

namespace strata::protocol {

// The format of LibLZF (M. Lehmann), which Redis compresses strings in: a control byte below 32 is followed by as many bytes and one more, as they
// are; any other refers back, 3 bits of length (7: a length byte follows) and 13 bits of distance.
// Thread safety: pure functions.

// Whether it is well formed and holds exactly `size` bytes.
[[nodiscard]] bool lzf_holds(std::string_view compressed, std::size_t size) noexcept;
// REQUIRES: lzf_holds(compressed, size), and room for as many bytes.
void lzf_unpack(std::string_view compressed, char* destination) noexcept;

}  // namespace strata::protocol
