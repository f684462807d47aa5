#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/cache/item_layout.h"
#include "engine/cache/key.h"

// An item where it lies, as readers without a lock see it: all of it stays as it was published, but for the expiry, which is one
// word, and the two bits of its header that are the placement's.
namespace strata::cache {

class StoredItem {
 public:
  // REQUIRES: a published item, and that its memory is not given to others while this is in use.
  explicit StoredItem(std::byte* item) noexcept : item_(item) {}

  // In the order that tells the others apart soonest: almost always one comparison of lengths and one of bytes.
  [[nodiscard]] bool has_key(Namespace ns, std::string_view key) const noexcept {
    const std::uint64_t header = this->header();
    const std::uint64_t key_bytes = ItemHeader::KeyBytes::get(header);
    if (key_bytes == ItemHeader::KeyBytes::kLargest || ItemHeader::Extras::get(header) != 0) [[unlikely]]
      return has_long_key(ns, key);
    const std::size_t prefix = short_prefix_bytes(header);
    return ns == 0 && key_bytes == key.size() && std::memcmp(item_ + prefix, key.data(), key.size()) == 0;
  }
  [[nodiscard]] ItemShape shape() const noexcept;
  [[nodiscard]] Namespace ns() const noexcept;
  [[nodiscard]] std::string_view key() const noexcept;
  // As it is stored: see encoding().
  [[nodiscard]] std::string_view stored_value() const noexcept {
    const std::uint64_t header = this->header();
    if (ItemHeader::KeyBytes::get(header) == ItemHeader::KeyBytes::kLargest || ItemHeader::Extras::get(header) != 0) [[unlikely]]
      return long_value();
    const std::size_t key_end = short_prefix_bytes(header) + ItemHeader::KeyBytes::get(header);
    std::size_t bytes = ItemHeader::ValueBytes::get(header);
    if (bytes == ItemHeader::ValueBytes::kLargest) [[unlikely]]
      bytes = load(4 + expiry_bytes(header));
    return {reinterpret_cast<const char*>(item_ + key_end), bytes};
  }
  [[nodiscard]] Encoding encoding() const noexcept { return static_cast<Encoding>(ItemHeader::EncodingBits::get(header())); }

  [[nodiscard]] bool expires() const noexcept { return ItemHeader::Expiry::get(header()) != 0; }
  // kNoExpiry if it has none.
  [[nodiscard]] std::int64_t expiry_ms(std::int64_t now_ms) const noexcept;
  [[nodiscard]] bool has_expired(std::int64_t now_ms) const noexcept { return expires() && expiry_ms(now_ms) <= now_ms; }
  // False: it has no place for that expiry, and a new item must take its own. REQUIRES: the lock of its home.
  [[nodiscard]] bool set_expiry(std::int64_t expiry_ms, std::int64_t now_ms) noexcept;

 private:
  [[nodiscard]] std::uint64_t header() const noexcept { return load(0); }
  [[nodiscard]] std::uint32_t load(std::size_t offset) const noexcept {
    return chunk_word(item_ + offset).load(std::memory_order_relaxed);
  }
  [[nodiscard]] static std::size_t expiry_bytes(std::uint64_t header) noexcept {
    const std::uint64_t form = ItemHeader::Expiry::get(header);
    return form * 4;
  }
  // Where the key begins, in an item without extras whose key is not long.
  [[nodiscard]] static std::size_t short_prefix_bytes(std::uint64_t header) noexcept {
    return 4 + expiry_bytes(header) + (ItemHeader::ValueBytes::get(header) == ItemHeader::ValueBytes::kLargest ? 4U : 0U);
  }
  [[nodiscard]] bool has_long_key(Namespace ns, std::string_view key) const noexcept;
  [[nodiscard]] std::string_view long_value() const noexcept;

  std::byte* item_;
};
static_assert(static_cast<int>(ExpiryForm::none) == 0 && static_cast<int>(ExpiryForm::near) == 1 &&
                  static_cast<int>(ExpiryForm::far) == 2,
              "a form's number is its length in words");

// What is to be stored, before it has a place.
struct NewItem {
  Namespace ns = 0;
  std::string_view key;
  std::string_view head;  // of the value
  std::string_view tail;  // behind it
  Encoding encoding = Encoding::raw;
  std::int64_t expiry_ms;
  std::int64_t now_ms = 0;

  [[nodiscard]] ItemShape shape() const noexcept;
  // All but the first word, which ItemMemory::complete writes. REQUIRES: room for shape().item_bytes().
  void write_behind_header(const ItemShape& shape, std::byte* item) const noexcept;
};

// The bytes of an integer's value, and back.
inline constexpr std::size_t kMostIntegerBytes = 8;
inline constexpr std::size_t kMostIntegerDigits = 20;
// How many of `bytes` it takes; 0: the text is not the one way to write a 64-bit number, or would be no shorter.
[[nodiscard]] std::size_t encode_integer(std::string_view text, char (&bytes)[kMostIntegerBytes]) noexcept;
[[nodiscard]] std::string_view decode_integer(std::string_view bytes, char (&digits)[kMostIntegerDigits]) noexcept;

}  // namespace strata::cache
