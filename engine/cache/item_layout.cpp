#include "engine/cache/item_layout.h"

namespace strata::cache {
namespace {

std::uint32_t load_word(const std::byte* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

void ItemShape::write_prefix(std::byte* item) const noexcept {
  chunk_word(item).store(header(), std::memory_order_relaxed);
  write_behind_header(item);
}

void ItemShape::write_behind_header(std::byte* item) const noexcept {
  std::memset(item + 4, 0, prefix_bytes() - 4);
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
  // An atomic that is only loaded here: atomic_ref knows no const.
  const std::uint64_t header = chunk_word(const_cast<std::byte*>(item)).load(std::memory_order_acquire);
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
