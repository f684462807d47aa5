#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// A string as DUMP and RESTORE exchange it: as in an RDB file, a type byte and the value, then the version of the format in 2 bytes and a CRC-64
// over all before it in 8, both little endian. Payloads of Redis and Valkey are read, of strings; what is written, Redis 5 and later read.
// Thread safety: pure functions.
namespace strata::protocol {

// Of Redis 7.0.
inline constexpr std::uint16_t kDumpVersion = 10;
// The newest that is known to store strings no differently: of Redis 8.
inline constexpr std::uint16_t kNewestDumpVersion = 13;
inline constexpr std::size_t kDumpFooterBytes = 10;

// What stands before the value; whole where a short number is stored as one, and the value is then empty.
struct DumpHeader {
  std::string bytes;
  bool holds_value = false;
};
[[nodiscard]] DumpHeader dump_header(std::string_view value);
// What stands behind it. `crc`: of header and value.
[[nodiscard]] std::string dump_footer(std::uint64_t crc);

// A payload taken apart; it refers to its bytes.
struct DumpParts {
  std::string_view summed;   // what the checksum is of
  std::string_view content;  // type and value
  std::uint64_t crc = 0;
};
// Nothing: too short, or of a version that is not known.
[[nodiscard]] std::optional<DumpParts> dump_parts(std::string_view payload) noexcept;

// The value in it.
struct DumpedString {
  std::size_t size = 0;
  std::string number;          // the value, where it was stored as a number
  std::string_view bytes;      // else the value,
  bool is_compressed = false;  // or what lzf_unpack makes it of

  // REQUIRES: room for `size` bytes.
  void write_to(char* destination) const noexcept;
};
// Nothing: it is no string, damaged, or larger than `most_bytes`.
[[nodiscard]] std::optional<DumpedString> dumped_string(std::string_view content, std::size_t most_bytes);

}  // namespace strata::protocol
