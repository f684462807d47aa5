#include "protocol/crc64.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace strata::protocol {
namespace {

constexpr std::uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;
constexpr std::size_t kWordBytes = 8;
using Tables = std::array<std::array<std::uint64_t, 256>, kWordBytes>;

// tables[n][b]: what byte b does to the checksum when n bytes follow it (M. Kounavis and F. Berry, "A systematic approach to building high
// performance software-based CRC generators", 2005).
constexpr Tables make_tables() noexcept {
  Tables tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kReflectedPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t behind = 1; behind < kWordBytes; ++behind) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t crc = tables[behind - 1][byte];
      tables[behind][byte] = tables[0][crc & 0xffU] ^ (crc >> 8U);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint64_t crc64(std::uint64_t crc, std::string_view bytes) noexcept {
  while (bytes.size() >= kWordBytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), kWordBytes);
    word ^= crc;
    crc = 0;
    for (std::size_t n = 0; n < kWordBytes; ++n) crc ^= kTables[kWordBytes - 1 - n][(word >> (8 * n)) & 0xffU];
    bytes.remove_prefix(kWordBytes);
  }
  for (const char byte : bytes) crc = kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (crc >> 8U);
  return crc;
}

}  // namespace strata::protocol
