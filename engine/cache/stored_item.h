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
  explicit StoredItem(std::byte* item) noexcept : item_(item), header_(load(0)) {}

  // Almost always one comparison of the header, which tells the length, and one of the bytes.
  [[nodiscard]] [[gnu::always_inline]] bool has_key(Namespace ns, std::string_view key) const noexcept {
    const std::uint64_t header = header_;
    constexpr std::uint64_t kAsked = ItemHeader::KeyBytes::kMask | ItemHeader::Extras::kMask;
    if ((header & kAsked) == ItemHeader::KeyBytes::set(0, key.size()) && is_usual(ns, key)) [[likely]]
      return same_bytes(item_ + short_prefix_bytes(header), key.data(), key.size());
    return has_unusual_key(*this, ns, key);
  }
  [[nodiscard]] ItemShape shape() const noexcept { return shape_of(*this); }
  // With padding; what is in a block of its own apart.
  [[nodiscard]] std::uint64_t bytes() const noexcept {
    const std::uint64_t bytes = short_item_bytes(header_);
    return bytes != 0 ? bytes : shape().item_bytes();
  }
  [[nodiscard]] Namespace ns() const noexcept { return ItemHeader::Extras::get(header_) == 0 ? Namespace{0} : extra_ns(*this); }
  [[nodiscard]] std::string_view key() const noexcept { return key_of(*this); }
  // As InvalidatedPrefixes goes by; 0 of almost all.
  [[nodiscard]] std::uint64_t epoch() const noexcept {
    return ItemHeader::Extras::get(header_) == 0 ? 0 : extra_number(*this, kEpochExtra);
  }
  // In seconds since 1970; 0: it does not say.
  [[nodiscard]] std::uint32_t written_s() const noexcept {
    return ItemHeader::Extras::get(header_) == 0 ? 0 : static_cast<std::uint32_t>(extra_number(*this, kWrittenExtra));
  }
  // In milliseconds, that a hit begins anew; 0: its expiry stays.
  [[nodiscard]] std::int64_t lifetime_ms() const noexcept {
    return ItemHeader::Extras::get(header_) == 0 ? 0 : static_cast<std::int64_t>(extra_number(*this, kLifetimeExtra));
  }
  // As it is stored: see encoding().
  [[nodiscard]] std::string_view stored_value() const noexcept {
    const std::uint64_t header = header_;
    if (ItemHeader::KeyBytes::get(header) == ItemHeader::KeyBytes::kLargest || ItemHeader::Extras::get(header) != 0) [[unlikely]]
      return long_value(*this);
    const std::size_t key_end = short_prefix_bytes(header) + ItemHeader::KeyBytes::get(header);
    std::size_t bytes = ItemHeader::ValueBytes::get(header);
    if (bytes == ItemHeader::ValueBytes::kLargest) [[unlikely]]
      bytes = load(4 + expiry_bytes(header));
    return {reinterpret_cast<const char*>(item_ + key_end), bytes};
  }
  [[nodiscard]] Encoding encoding() const noexcept { return static_cast<Encoding>(ItemHeader::EncodingBits::get(header_)); }

  // Its value is stored as it is, and it says no more of itself than when it expires.
  [[nodiscard]] bool is_plain() const noexcept {
    return (header_ & (ItemHeader::EncodingBits::kMask | ItemHeader::Extras::kMask)) == 0;
  }

  [[nodiscard]] bool expires() const noexcept { return ItemHeader::Expiry::get(header_) != 0; }
  // kNoExpiry if it has none.
  [[nodiscard]] std::int64_t expiry_ms(std::int64_t now_ms) const noexcept {
    return expires() ? stored_expiry_ms(*this, now_ms) : kNoExpiry;
  }
  [[nodiscard]] bool has_expired(std::int64_t now_ms) const noexcept { return expires() && expiry_ms(now_ms) <= now_ms; }
  // False: it has no place for that expiry, and a new item must take its own. The item memory is to hear of it: ItemStore::set_expiry.
  // REQUIRES: the lock of its home.
  [[nodiscard]] bool set_expiry(std::int64_t expiry_ms, std::int64_t now_ms) noexcept;

 private:
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
  // A short key of database 0.
  [[nodiscard]] static bool is_usual(Namespace ns, std::string_view key) noexcept {
    return (key.size() | std::uint64_t{ns} << 32U) < ItemHeader::KeyBytes::kLargest;
  }
  // Any other. This, like all that is not inline, takes a copy in registers: whoever calls a member that is not has the item in memory, written in pieces,
  // and waits for them where it loads it in one.
  [[nodiscard]] [[gnu::noinline]] static bool has_unusual_key(StoredItem item, Namespace ns, std::string_view key) noexcept {
    const std::uint64_t header = item.header_;
    if (ItemHeader::KeyBytes::get(header) == ItemHeader::KeyBytes::kLargest) [[unlikely]]
      return has_long_key(item, ns, key);
    // What has no extras is of database 0, and would have been found to be the same.
    if (ItemHeader::KeyBytes::get(header) != key.size() || ItemHeader::Extras::get(header) == 0) return false;
    const std::byte* const extras = item.item_ + short_prefix_bytes(header);
    if (*extras != std::byte{kNamespaceExtra.bit}) [[unlikely]]
      return has_long_key(item, ns, key);
    return extras[1] == std::byte{ns} && same_bytes(extras + 2, key.data(), key.size());
  }
  // As memcmp, whose call costs more than comparing a usual key.
  [[nodiscard]] static bool same_bytes(const std::byte* one, const char* other, std::size_t size) noexcept {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    if (size < kWord || size > 4 * kWord) return size == 0 || std::memcmp(one, other, size) == 0;
    const auto differ = [one, other](std::size_t at) {
      std::uint64_t a = 0;
      std::uint64_t b = 0;
      std::memcpy(&a, one + at, kWord);
      std::memcpy(&b, other + at, kWord);
      return a ^ b;
    };
    // From both ends; what is in the middle twice.
    std::uint64_t differences = differ(0) | differ(size - kWord);
    if (size > 2 * kWord) differences |= differ(kWord) | differ(size - 2 * kWord);
    return differences == 0;
  }
  [[nodiscard]] static ItemShape shape_of(StoredItem item) noexcept;
  [[nodiscard]] static std::string_view key_of(StoredItem item) noexcept;
  [[nodiscard]] static std::int64_t stored_expiry_ms(StoredItem item, std::int64_t now_ms) noexcept;
  [[nodiscard]] static Namespace extra_ns(StoredItem item) noexcept;
  [[nodiscard]] static std::uint64_t extra_number(StoredItem item, Extra extra) noexcept;
  [[nodiscard]] static bool has_long_key(StoredItem item, Namespace ns, std::string_view key) noexcept;
  [[nodiscard]] static std::string_view long_value(StoredItem item) noexcept;

  std::byte* item_;
  std::uint32_t header_;  // loaded once
};

// The bytes of an integer's value, and back.
inline constexpr std::size_t kMostIntegerBytes = 8;
inline constexpr std::size_t kMostIntegerDigits = 20;
// How many of `bytes` it takes; 0: the text is not the one way to write a 64-bit number, or would be no shorter.
[[nodiscard]] std::size_t encode_integer(std::string_view text, char (&bytes)[kMostIntegerBytes]) noexcept;
// Most texts are not, and show it by their first byte.
[[nodiscard]] inline bool may_be_integer(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= kMostIntegerDigits && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}
[[nodiscard]] std::string_view decode_integer(std::string_view bytes, char (&digits)[kMostIntegerDigits]) noexcept;

// What is to be stored, before it has a place.
struct NewItem {
  Namespace ns = 0;
  std::string_view key;
  std::string_view head;  // of the value
  std::string_view tail;  // behind it
  Encoding encoding = Encoding::raw;
  std::int64_t expiry_ms = kNoExpiry;
  std::int64_t now_ms = 0;
  std::uint64_t epoch = 0;      // 0: it does not say
  std::uint32_t written_s = 0;  // 0: likewise
  std::int64_t lifetime_ms = 0;  // 0: likewise

  [[nodiscard]] std::uint8_t extras() const noexcept {
    return static_cast<std::uint8_t>((ns == 0 ? 0U : kNamespaceExtra.bit) | (epoch == 0 ? 0U : kEpochExtra.bit) |
                                     (written_s == 0 ? 0U : kWrittenExtra.bit) | (lifetime_ms == 0 ? 0U : kLifetimeExtra.bit));
  }
  [[nodiscard]] ItemShape shape() const noexcept {
    return {.key_bytes = static_cast<std::uint32_t>(key.size()),
            .value_bytes = static_cast<std::uint32_t>(head.size() + tail.size()),
            .encoding = encoding,
            .expiry = expiry_ms == kNoExpiry ? ExpiryForm::none : expiry_form(expiry_ms, now_ms),
            .extras = extras()};
  }
  // A number is stored as one. `integer`: where, if so; outlives this.
  void shorten(char (&integer)[kMostIntegerBytes]) noexcept {
    if (!tail.empty() || !may_be_integer(head)) return;
    const std::size_t bytes = encode_integer(head, integer);
    if (bytes == 0) return;
    head = {integer, bytes};
    encoding = Encoding::integer;
  }
  // All but the first word, which ItemMemory::complete writes. `prefix_bytes`: the shape's. REQUIRES: room for shape().item_bytes().
  [[gnu::always_inline]] void write_behind_header(const ItemShape& shape, std::uint32_t prefix_bytes,
                                                  std::byte* item) const noexcept {
    constexpr std::uint32_t kHeaderBytes = 4;
    if (prefix_bytes != kHeaderBytes) write_prefix(*this, shape, item);
    std::byte* const key_at = item + prefix_bytes;
    if (!key.empty()) std::memcpy(key_at, key.data(), key.size());
    std::byte* const value_at = key_at + key.size();
    if (!head.empty()) std::memcpy(value_at, head.data(), head.size());
    if (!tail.empty()) std::memcpy(value_at + head.size(), tail.data(), tail.size());
  }

 private:
  // What is between the first word and the key. Takes copies, so that its callers need have neither in memory.
  static void write_prefix(NewItem what, ItemShape shape, std::byte* item) noexcept;
};

}  // namespace strata::cache
