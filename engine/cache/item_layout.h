#pragma once

#include <atomic>
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
// published. Free chunks and chunks that are no item yet have a first word too: ChunkWord. All numbers are little endian.
namespace strata::cache {

enum class Encoding : std::uint8_t {
  raw = 0,
  integer = 1,  // 1 to 8 bytes, two's complement, as few as hold the number
  lz4 = 2,
  zstd = 3,
  block = 4,       // of the value there is a BlockLocator here: its bytes lie in a chunk of their own
  block_body = 5,  // such a chunk: no key, a ValueBlock for a value; no slot names it
  // 6 and 7: small collections in one blob. 8 to 15: large ones; readers take the bucket's lock.
  first_locked = 8,
};

enum class ExpiryForm : std::uint8_t {
  none = 0,
  near = 1,  // 4 bytes: milliseconds modulo 2^32, less than 2^31 from the present
  far = 2,   // 8 bytes: milliseconds since 1970
};

static_assert(static_cast<int>(ExpiryForm::none) == 0 && static_cast<int>(ExpiryForm::near) == 1 &&
                  static_cast<int>(ExpiryForm::far) == 2,
              "a form's number is its length in words");

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

// The first word of a chunk, be it an item or not. What is no item is told by Free, or by a form of expiry that items do not have.
struct ChunkWord {
  static constexpr auto kPreviousFree = static_cast<std::uint32_t>(ItemHeader::PreviousFree::kMask);
  static constexpr auto kFree = static_cast<std::uint32_t>(ItemHeader::Free::kMask);
  using FreeGranules = BitField<0, 30>;  // of a free chunk

  // Of a chunk that is in use and no item: one that somebody fills, or a run that a thread cuts items off.
  static constexpr std::uint64_t kNoItem = 3;  // in ItemHeader::Expiry
  using Granules = BitField<0, 27>;            // 0: large, and the segment's header tells how large
  using OpenRun = BitField<29, 1>;             // else reserved

  [[nodiscard]] static constexpr std::uint32_t free(std::uint32_t granules) noexcept { return kFree | granules; }
  // REQUIRES: granules <= Granules::kLargest
  [[nodiscard]] static constexpr std::uint32_t reserved(std::uint32_t granules) noexcept {
    return static_cast<std::uint32_t>(ItemHeader::Expiry::set(granules, kNoItem));
  }
  [[nodiscard]] static constexpr std::uint32_t open_run(std::uint32_t granules) noexcept {
    return static_cast<std::uint32_t>(OpenRun::set(reserved(granules), 1));
  }
  [[nodiscard]] static constexpr bool is_free(std::uint32_t word) noexcept { return (word & kFree) != 0; }
  [[nodiscard]] static constexpr bool is_item(std::uint32_t word) noexcept {
    return !is_free(word) && ItemHeader::Expiry::get(word) != kNoItem;
  }
};
static_assert(ChunkWord::kNoItem != static_cast<std::uint64_t>(ExpiryForm::none) &&
              ChunkWord::kNoItem != static_cast<std::uint64_t>(ExpiryForm::near) &&
              ChunkWord::kNoItem != static_cast<std::uint64_t>(ExpiryForm::far) &&
              ChunkWord::kNoItem <= ItemHeader::Expiry::kLargest);
static_assert((ChunkWord::Granules::kMask ^ ItemHeader::Expiry::kMask ^ ChunkWord::OpenRun::kMask ^
               ItemHeader::PreviousFree::kMask ^ ItemHeader::Free::kMask) == 0xffffffff,
              "what a chunk that is no item says leaves the placement's bits alone");
static_assert((ChunkWord::FreeGranules::kMask & (ItemHeader::PreviousFree::kMask | ItemHeader::Free::kMask)) == 0);

// The first word of a chunk: bit 30 of it changes under the lock of its domain while others read it. REQUIRES: aligned to kGranuleBytes
[[nodiscard]] inline std::atomic_ref<std::uint32_t> chunk_word(std::byte* chunk) noexcept {
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(chunk));
}
// With padding, of an item whose lengths and extras its header tells alone; 0: of another.
[[nodiscard]] constexpr std::uint64_t short_item_bytes(std::uint32_t header) noexcept {
  const std::uint64_t value = ItemHeader::ValueBytes::get(header), key = ItemHeader::KeyBytes::get(header);
  if (value == ItemHeader::ValueBytes::kLargest || key == ItemHeader::KeyBytes::kLargest || ItemHeader::Extras::get(header) != 0)
    return 0;
  return (4 + 4 * ItemHeader::Expiry::get(header) + key + value + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
}
static_assert(std::atomic_ref<std::uint32_t>::required_alignment <= kGranuleBytes &&
              std::atomic_ref<std::uint32_t>::is_always_lock_free);

// Bits of the extras byte, and bytes of the fields they announce, which follow in this order.
struct Extra {
  std::uint8_t bit, bytes;
};
inline constexpr Extra kNamespaceExtra{1U << 0U, 1};   // database, if not 0
inline constexpr Extra kDictionaryExtra{1U << 1U, 5};  // of a compressed value: dictionary, 4 bytes of length when decoded
inline constexpr Extra kTagsExtra{1U << 2U, 4};        // number of a set of tags
inline constexpr Extra kSoftTtlExtra{1U << 3U, 4};     // like a near expiry
inline constexpr Extra kCostExtra{1U << 4U, 2};
inline constexpr Extra kEpochExtra{1U << 5U, 6};  // Epoch, of an item that was written while its prefix was being invalidated
inline constexpr Extra kWrittenExtra{1U << 6U,
                                     4};  // when it was written, in seconds since 1970; where the age of items is limited
inline constexpr Extra kLifetimeExtra{1U << 7U, 6};  // in milliseconds, of an item whose expiry slides
inline constexpr Extra kExtras[] = {kNamespaceExtra, kDictionaryExtra, kTagsExtra,    kSoftTtlExtra,
                                    kCostExtra,      kEpochExtra,      kWrittenExtra, kLifetimeExtra};

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
    return static_cast<std::uint32_t>(expiry) * 4;
  }
  [[nodiscard]] constexpr std::uint32_t extras_bytes() const noexcept {
    if (extras == 0) [[likely]]
      return 0;
    std::uint32_t bytes = 1;
    for (const Extra& extra : kExtras) bytes += (extras & extra.bit) != 0 ? extra.bytes : 0U;
    return bytes;
  }
  // Where the key begins.
  [[nodiscard]] constexpr std::uint32_t prefix_bytes() const noexcept {
    return 4 + expiry_bytes() + (long_value() ? 4U : 0U) + (long_key() ? 4U : 0U) + extras_bytes();
  }
  // Where a field of the extras begins. REQUIRES: there is that field.
  [[nodiscard]] constexpr std::uint32_t extra_at(Extra wanted) const noexcept {
    std::uint32_t at = prefix_bytes() - extras_bytes() + 1;
    for (const Extra& extra : kExtras) {
      if (extra.bit == wanted.bit) break;
      at += (extras & extra.bit) != 0 ? extra.bytes : 0U;
    }
    return at;
  }
  // With padding.
  [[nodiscard]] constexpr std::uint64_t item_bytes() const noexcept { return item_bytes(prefix_bytes()); }
  // The same for who has asked for those.
  [[nodiscard]] constexpr std::uint64_t item_bytes(std::uint32_t prefix_bytes) const noexcept {
    const std::uint64_t bytes = std::uint64_t{prefix_bytes} + key_bytes + value_bytes;
    return (bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
  }

  // The first word, the placement's bits 0.
  [[nodiscard]] constexpr std::uint32_t header() const noexcept {
    std::uint64_t header = long_value() ? ItemHeader::ValueBytes::kLargest : value_bytes;
    header = ItemHeader::KeyBytes::set(header, long_key() ? ItemHeader::KeyBytes::kLargest : key_bytes);
    header = ItemHeader::EncodingBits::set(header, static_cast<std::uint64_t>(encoding));
    header = ItemHeader::Expiry::set(header, static_cast<std::uint64_t>(expiry));
    return static_cast<std::uint32_t>(ItemHeader::Extras::set(header, extras != 0 ? 1U : 0U));
  }
  // The prefix but for expiry and extras fields, which stay 0. REQUIRES: room for prefix_bytes(), aligned to kGranuleBytes.
  // Not in a chunk of ItemMemory, whose first word others may change: there ItemMemory::complete writes it, behind all else.
  void write_prefix(std::byte* item) const noexcept;
  // The same but for the first word.
  void write_behind_header(std::byte* item) const noexcept;
  // REQUIRES: an item that is not free, aligned to kGranuleBytes. Acquires what was written before the header.
  [[nodiscard]] static ItemShape read_prefix(const std::byte* item) noexcept;
};

static_assert(short_item_bytes(ItemShape{.key_bytes = 17, .value_bytes = 64, .expiry = ExpiryForm::far}.header()) ==
              ItemShape{.key_bytes = 17, .value_bytes = 64, .expiry = ExpiryForm::far}.item_bytes());
static_assert(short_item_bytes(ItemShape{.key_bytes = 254, .value_bytes = 32'766}.header()) ==
              ItemShape{.key_bytes = 254, .value_bytes = 32'766}.item_bytes());

// The figures of the byte plan.
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 64}.item_bytes() == 84);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 64, .expiry = ExpiryForm::near}.item_bytes() == 88);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 1}.item_bytes() == 24);
static_assert(ItemShape{.key_bytes = 16, .value_bytes = 2, .encoding = Encoding::integer}.item_bytes() == 24);
static_assert(ItemShape{.key_bytes = 512U << 20U, .value_bytes = 512U << 20U}.item_bytes() == (std::uint64_t{1} << 30U) + 12);

}  // namespace strata::cache
