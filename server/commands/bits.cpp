#include "server/commands/bits.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace strata::server::bits {

namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
// Sums of bits in the bytes of a word: so many words at most, or a byte would overflow.
constexpr std::size_t kMostSummed = 31;

std::uint64_t word_at(std::string_view bytes, std::size_t at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, kWordBytes);
  return word;
}

// In each byte of a word, the number of its set bits (H. Warren, "Hacker's Delight", 5-1). Processors of the baseline have no instruction for it.
constexpr std::uint64_t sums_of_bytes(std::uint64_t word) noexcept {
  word -= (word >> 1U) & 0x5555555555555555U;
  word = (word & 0x3333333333333333U) + ((word >> 2U) & 0x3333333333333333U);
  return (word + (word >> 4U)) & 0x0f0f0f0f0f0f0f0fU;
}
constexpr std::uint64_t sum_of(std::uint64_t bytes) noexcept {
  // In two steps: the sum of eight bytes does not fit a byte.
  const std::uint64_t pairs = (bytes & 0x00ff00ff00ff00ffU) + ((bytes >> 8U) & 0x00ff00ff00ff00ffU);
  return (pairs * 0x0001000100010001U) >> 48U;
}

bool bit_at(std::string_view bytes, std::uint64_t offset) noexcept {
  return ((unsigned{static_cast<unsigned char>(bytes[offset / 8])} >> (7U - offset % 8)) & 1U) != 0;
}

// One piece of sources and result.
constexpr std::size_t kPieceWords = 512;
using Piece = std::array<std::uint64_t, kPieceWords>;

void load_piece(std::string_view source, std::size_t at, Piece& piece) noexcept {
  const std::size_t bytes = at < source.size() ? std::min(source.size() - at, sizeof piece) : 0;
  if (bytes != 0) std::memcpy(piece.data(), source.data() + at, bytes);
  std::memset(reinterpret_cast<char*>(piece.data()) + bytes, 0, sizeof piece - bytes);
}

template <typename F>
void for_each_word(F&& change) noexcept {
  for (std::size_t i = 0; i < kPieceWords; ++i) change(i);
}

// `others`: set in one at least; `several`: set in two at least.
void combine_piece(Operation operation, std::span<const std::string_view> sources, std::size_t at, Piece& result) noexcept {
  Piece source;
  Piece others{};
  Piece several{};
  load_piece(sources[0], at, result);
  for (const std::string_view other : sources.subspan(1)) {
    load_piece(other, at, source);
    switch (operation) {
      case Operation::conjunction: for_each_word([&](std::size_t i) { result[i] &= source[i]; }); break;
      case Operation::disjunction: for_each_word([&](std::size_t i) { result[i] |= source[i]; }); break;
      case Operation::exclusive: for_each_word([&](std::size_t i) { result[i] ^= source[i]; }); break;
      case Operation::exactly_one:
        for_each_word([&](std::size_t i) {
          several[i] |= result[i] & source[i];
          result[i] |= source[i];
        });
        break;
      default: for_each_word([&](std::size_t i) { others[i] |= source[i]; });
    }
  }
  switch (operation) {
    case Operation::negation: for_each_word([&](std::size_t i) { result[i] = ~result[i]; }); break;
    case Operation::first_only: for_each_word([&](std::size_t i) { result[i] &= ~others[i]; }); break;
    case Operation::others_only: for_each_word([&](std::size_t i) { result[i] = ~result[i] & others[i]; }); break;
    case Operation::first_and_other: for_each_word([&](std::size_t i) { result[i] &= others[i]; }); break;
    case Operation::exactly_one: for_each_word([&](std::size_t i) { result[i] &= ~several[i]; }); break;
    default: break;
  }
}

}  // namespace

std::uint64_t count(std::string_view bytes) noexcept {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  while (bytes.size() - at >= kWordBytes) {
    const std::size_t words = std::min((bytes.size() - at) / kWordBytes, kMostSummed);
    std::uint64_t sums = 0;
    for (std::size_t i = 0; i < words; ++i) sums += sums_of_bytes(word_at(bytes, at + i * kWordBytes));
    sum += sum_of(sums);
    at += words * kWordBytes;
  }
  for (; at < bytes.size(); ++at) sum += static_cast<std::uint64_t>(std::popcount(static_cast<unsigned char>(bytes[at])));
  return sum;
}

std::optional<std::uint64_t> find(std::string_view bytes, std::uint64_t first, std::uint64_t last, bool bit) noexcept {
  const std::uint64_t nowhere = bit ? 0 : ~std::uint64_t{0};
  std::uint64_t at = first;
  while (at <= last) {
    if (at % 8 == 0 && last - at >= kWordBytes * 8 && word_at(bytes, at / 8) == nowhere) {
      at += kWordBytes * 8;
    } else if (at % 8 == 0 && last - at >= 8 && bytes[at / 8] == static_cast<char>(nowhere)) {
      at += 8;
    } else if (bit_at(bytes, at) == bit) {
      return at;
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

std::uint64_t load(std::string_view bytes, std::uint64_t offset, unsigned size) noexcept {
  std::uint64_t number = 0;
  while (size > 0) {
    const auto skipped = static_cast<unsigned>(offset % 8);
    const unsigned taken = std::min(8 - skipped, size);
    const unsigned byte = offset / 8 < bytes.size() ? static_cast<unsigned char>(bytes[offset / 8]) : 0U;
    number = number << taken | ((byte >> (8 - skipped - taken)) & ((1U << taken) - 1));
    offset += taken;
    size -= taken;
  }
  return number;
}

void store(std::span<char> bytes, std::uint64_t offset, unsigned size, std::uint64_t number) noexcept {
  while (size > 0) {
    const auto skipped = static_cast<unsigned>(offset % 8);
    const unsigned taken = std::min(8 - skipped, size);
    const unsigned shift = 8 - skipped - taken;
    const unsigned mask = ((1U << taken) - 1) << shift;
    const auto part = static_cast<unsigned>(number >> (size - taken)) << shift;
    char& byte = bytes[offset / 8];
    byte = static_cast<char>((static_cast<unsigned char>(byte) & ~mask) | (part & mask));
    offset += taken;
    size -= taken;
  }
}

void combine(Operation operation, std::span<const std::string_view> sources, std::size_t from, std::span<char> result) noexcept {
  Piece piece;
  for (std::size_t at = 0; at < result.size(); at += sizeof piece) {
    combine_piece(operation, sources, from + at, piece);
    std::memcpy(result.data() + at, piece.data(), std::min(sizeof piece, result.size() - at));
  }
}

}  // namespace strata::server::bits
