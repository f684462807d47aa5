#include "engine/cache/item_layout.h"

#include <algorithm>

namespace strata::cache {
namespace {

std::uint32_t load_word(const std::byte* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

void ItemShape::write_prefix(std::byte* item) const noexcept {
  std::memset(item, 0, prefix_bytes());
  std::uint64_t header = 0;
  header = ItemHeader::ValueBytes::set(header, std::min<std::uint64_t>(value_bytes, ItemHeader::ValueBytes::kLargest));
  header = ItemHeader::KeyBytes::set(header, std::min<std::uint64_t>(key_bytes, ItemHeader::KeyBytes::kLargest));
  header = ItemHeader::EncodingBits::set(header, static_cast<std::uint64_t>(encoding));
  header = ItemHeader::Expiry::set(header, static_cast<std::uint64_t>(expiry));
  header = ItemHeader::Extras::set(header, extras != 0 ? 1U : 0U);
  const auto word = static_cast<std::uint32_t>(header);
  std::memcpy(item, &word, sizeof word);
  std::byte* at = item + 4 + expiry_bytes();
  if (long_value()) {
    std::memcpy(at, &value_bytes, sizeof value_bytes);
    at += sizeof value_bytes;
  }
  if (long_key()) {
    std::memcpy(at, &key_bytes, sizeof key_bytes);
    at += sizeof key_bytes;
  }
  if (extras != 0) *at = std::byte{extras};
}

ItemShape ItemShape::read_prefix(const std::byte* item) noexcept {
  const std::uint64_t header = load_word(item);
  ItemShape shape;
  shape.value_bytes = static_cast<std::uint32_t>(ItemHeader::ValueBytes::get(header));
  shape.key_bytes = static_cast<std::uint32_t>(ItemHeader::KeyBytes::get(header));
  shape.encoding = static_cast<Encoding>(ItemHeader::EncodingBits::get(header));
  shape.expiry = static_cast<ExpiryForm>(ItemHeader::Expiry::get(header));
  const std::byte* at = item + 4 + shape.expiry_bytes();
  if (shape.long_value()) {
    shape.value_bytes = load_word(at);
    at += 4;
  }
  if (shape.long_key()) {
    shape.key_bytes = load_word(at);
    at += 4;
  }
  if (ItemHeader::Extras::get(header) != 0) shape.extras = std::to_integer<std::uint8_t>(*at);
  return shape;
}

}  // namespace strata::cache
