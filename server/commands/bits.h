#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// Strings as arrays of bits: bit 0 is the highest of the first byte. Thread safety: pure functions.
namespace strata::server::bits {

// Set bits of all bytes.
[[nodiscard]] std::uint64_t count(std::string_view bytes) noexcept;

// The first bit from `first` to `last`, the latter included, that is `bit`. REQUIRES: both lie within `bytes`.
[[nodiscard]] std::optional<std::uint64_t> find(std::string_view bytes, std::uint64_t first, std::uint64_t last,
                                                bool bit) noexcept;

// The number that `size` bits from `offset` on are, 64 at most; what is behind the end counts as zeros.
[[nodiscard]] std::uint64_t load(std::string_view bytes, std::uint64_t offset, unsigned size) noexcept;
// REQUIRES: the bits lie within the bytes.
void store(std::span<char> bytes, std::uint64_t offset, unsigned size, std::uint64_t number) noexcept;

// Of BITOP. The last four compare the first source with the others, or count in how many a bit is set.
enum class Operation : std::uint8_t {
  conjunction,
  disjunction,
  exclusive,
  negation,
  first_only,       // DIFF: in the first and in none of the others
  others_only,      // DIFF1: in one of the others and not in the first
  first_and_other,  // ANDOR: in the first and in one of the others
  exactly_one,      // ONE
};
// Bytes `from` to `from + result.size()` of the result; sources that are shorter go on with zeros. REQUIRES: there are sources.
void combine(Operation operation, std::span<const std::string_view> sources, std::size_t from, std::span<char> result) noexcept;

}  // namespace strata::server::bits
