#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/cache/index_layout.h"

// The bytes of an item as they lie in a segment, as docs/architecture.md, "Bytes", lays them out:
//
//   header 4 | expiry 0, 4 or 8 | value length 0 or 4 | key length 0 or 4 | extras 0 or 1 + fields | key | value | padding 0 to 3
//
// The header's highest two bits belong to the placement (free, previous chunk free); the others never change once the item is
// published. All numbers are little endian.
namespace strata::cache {

enum class Encoding : std::uint8_t {
  raw = 0,
  integer = 1,  // 1 to 8 bytes, two's complement, as few as hold the number
  lz4 = 2,
  zstd = 3,
  // 4 to 7: small collections in one blob. 8 to 15: large ones; readers take the bucket's lock.
  first_locked = 8,
};

enum class ExpiryForm : std::uint8_t {
  none = 0,
  near = 1,  // 4 bytes: milliseconds modulo 2^32, less than 2^31 from the present
  far = 2,   // 8 bytes: milliseconds since 1970
};

// How far ahead an expiry may be to be stored in 4 bytes: 24.8 days. As long after it the item must have been swept.
inline constexpr std::int64_t kNearExpiryMs = std::int64_t{1} << 31U;

[[nodiscard]] constexpr ExpiryForm expiry_form(std::int64_t expiry_ms, std::int64_t now_ms) noexcept {
  return expiry_ms - now_ms < kNearExpiryMs && now_ms - expiry_ms < kNearExpiryMs ? ExpiryForm::near : ExpiryForm::far;
}
[[nodiscard]] constexpr std::uint32_t near_expiry(std::int64_t expiry_ms) noexcept {
  return static_cast<std::uint32_t>(expiry_ms);
}
[[nodiscard]] constexpr std::int64_t expiry_of(std::uint32_t near, std::int64_t now_ms) noexcept {
  return now_ms + static_cast<std::int32_t>(near - static_cast<std::uint32_t>(now_ms));
}

// Of the first word.
struct ItemHeader {
  using ValueBytes = BitField<0, 15>;  // kLargest: a length word follows
  using KeyBytes = BitField<15, 8>;    // kLargest: a length word follows
  using EncodingBits = BitField<23, 4>;
  using Expiry = BitField<27, 2>;
  using Extras = BitField<29, 1>;  // a byte that says which fields follow
  using PreviousFree = BitField<30, 1>;
  using Free = BitField<31, 1>;
};
static_assert(ItemHeader::Free::kEnd == 32);
static_assert((ItemHeader::ValueBytes::kMask ^ ItemHeader::KeyBytes::kMask ^ ItemHeader::EncodingBits::kMask ^
               ItemHeader::Expiry::kMask ^ ItemHeader::Extras::kMask ^ ItemHeader::PreviousFree::kMask ^
               ItemHeader::Free::kMask) == 0xffffffff,
              "the fields of an item's header do not overlap and leave nothing out");

// Bits of the extras byte, and bytes of the fields they announce, which follow in this order.
struct Extra {
  std::uint8_t bit, bytes;
};
inline constexpr Extra kNamespaceExtra{1U << 0U, 1};   // database, if not 0
inline constexpr Extra kDictionaryExtra{1U << 1U, 5};  // of a compressed value: dictionary, 4 bytes of length when decoded
inline constexpr Extra kTagsExtra{1U << 2U, 4};        // number of a set of tags
inline constexpr Extra kSoftTtlExtra{1U << 3U, 4};     // like a near expiry
inline constexpr Extra kCostExtra{1U << 4U, 2};
inline constexpr Extra kExtras[] = {kNamespaceExtra, kDictionaryExtra, kTagsExtra, kSoftTtlExtra, kCostExtra};

// What an item holds, apart from its bytes. Sizes are in bytes.
struct ItemShape {
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;  // as stored: compressed, or of an integer
  Encoding encoding = Encoding::raw;
  ExpiryForm expiry = ExpiryForm::none;
  std::uint8_t extras = 0;  // bits of Extra

  [[nodiscard]] constexpr bool long_value() const noexcept { return value_bytes >= ItemHeader::ValueBytes::kLargest; }
  [[nodiscard]] constexpr bool long_key() const noexcept { return key_bytes >= ItemHeader::KeyBytes::kLargest; }
  [[nodiscard]] constexpr std::uint32_t expiry_bytes() const noexcept {
    return expiry == ExpiryForm::none ? 0 : expiry == ExpiryForm::near ? 4 : 8;
  }
  [[nodiscard]] constexpr std::uint32_t extras_bytes() const noexcept {
    std::uint32_t bytes = extras == 0 ? 0 : 1;
    for (const Extra& extra : kExtras) bytes += (extras & extra.bit) != 0 ? extra.bytes : 0U;
    return bytes;
  }
  // Where the key begins.
  [[nodiscard]] constexpr std::uint32_t prefix_bytes() const noexcept {
    return 4 + expiry_bytes() + (long_value() ? 4U : 0U) + (long_key() ? 4U : 0U) + extras_bytes();
  }
  // With padding.
  [[nodiscard]] constexpr std::uint64_t item_bytes() const noexcept {
    const std::uint64_t bytes = std::uint64_t{prefix_bytes()} + key_bytes + value_bytes;
    return (bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
  }

  // The prefix but for expiry and extras fields, which stay 0. REQUIRES: room for prefix_bytes(), aligned to kGranuleBytes
  void write_prefix(std::byte* item) const noexcept;
  // REQUIRES: an item that is not free, written by write_prefix
  [[nodiscard]] static ItemShape read_prefix(const std::byte* item) noexcept;
};

// The figures of the byte plan.
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 64}.item_bytes() == 84);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 64, .expiry = ExpiryForm::near}.item_bytes() == 88);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 1}.item_bytes() == 24);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 2, .encoding = Encoding::integer}.item_bytes() == 24);
static_assert(ItemShape{.key_bytes = 512U << 20U, .value_bytes = 512U << 20U}.item_bytes() == (std::uint64_t{1} << 30U) + 12);

}  // namespace strata::cache
