#pragma once

#include <cstdint>
#include <string_view>

namespace strata::protocol {

// Goes on with the checksum that ends a DUMP payload: CRC-64 with the polynomial of D. Jones, 0xad93d23594c935a9, bits reflected, beginning with
// 0 and not inverted ("123456789": 0xe9c6d914c4b8d9ca). About 1.5 GB/s. Thread safety: pure function.
[[nodiscard]] std::uint64_t crc64(std::uint64_t crc, std::string_view bytes) noexcept;

}  // namespace strata::protocol
