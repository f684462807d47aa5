#include "protocol/lzf.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace strata::protocol {
namespace {

constexpr unsigned kLiterals = 32;  // a control byte below
constexpr std::size_t kLeastCopy = 2;
constexpr unsigned kLongCopy = 7;

// Either bytes as they are or a reference to what has been unpacked.
struct Piece {
  std::string_view literal;
  std::size_t size = 0;
  std::size_t distance = 0;  // 0: literal
};

// The next piece, which is taken off. Nothing: it is cut off.
std::optional<Piece> next_piece(std::string_view& rest) noexcept {
  const auto take = [&rest] {
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    return std::size_t{byte};
  };
  const std::size_t control = take();
  if (control < kLiterals) {
    const std::size_t size = control + 1;
    if (rest.size() < size) return std::nullopt;
    const Piece piece{.literal = rest.substr(0, size), .size = size};
    rest.remove_prefix(size);
    return piece;
  }
  std::size_t length = control >> 5U;
  if (rest.size() < (length == kLongCopy ? 2U : 1U)) return std::nullopt;
  if (length == kLongCopy) length += take();
  const std::size_t high = (control & 0x1fU) << 8U;
  return Piece{.literal = {}, .size = length + kLeastCopy, .distance = (high | take()) + 1};
}

}  // namespace

bool lzf_holds(std::string_view compressed, std::size_t size) noexcept {
  std::size_t unpacked = 0;
  while (!compressed.empty()) {
    const auto piece = next_piece(compressed);
    if (!piece || piece->distance > unpacked || piece->size > size - unpacked) return false;
    unpacked += piece->size;
  }
  return unpacked == size;
}

void lzf_unpack(std::string_view compressed, char* destination) noexcept {
  while (!compressed.empty()) {
    const auto piece = next_piece(compressed);
    if (!piece) return;
    if (piece->distance == 0) {
      std::memcpy(destination, piece->literal.data(), piece->size);
    } else if (piece->distance >= piece->size) {
      std::memcpy(destination, destination - piece->distance, piece->size);
    } else {
      // It repeats what it writes.
      for (std::size_t i = 0; i < piece->size; ++i) destination[i] = *(destination + i - piece->distance);
    }
    destination += piece->size;
  }
}

}  // namespace strata::protocol
