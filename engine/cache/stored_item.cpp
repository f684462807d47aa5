#include "engine/cache/stored_item.h"

#include <algorithm>
#include <charconv>

#include "engine/cache/decision.h"

namespace strata::cache {
namespace {

const char* text_at(const std::byte* item, std::size_t offset) noexcept { return reinterpret_cast<const char*>(item + offset); }

}  // namespace

ItemShape StoredItem::shape_of(StoredItem item) noexcept {
  const std::uint64_t header = item.header_;
  ItemShape shape;
  shape.value_bytes = static_cast<std::uint32_t>(ItemHeader::ValueBytes::get(header));
  shape.key_bytes = static_cast<std::uint32_t>(ItemHeader::KeyBytes::get(header));
  shape.encoding = static_cast<Encoding>(ItemHeader::EncodingBits::get(header));
  shape.expiry = static_cast<ExpiryForm>(ItemHeader::Expiry::get(header));
  std::size_t at = 4 + shape.expiry_bytes();
  if (shape.long_value()) {
    shape.value_bytes = item.load(at);
    at += 4;
  }
  if (shape.long_key()) {
    shape.key_bytes = item.load(at);
    at += 4;
  }
  if (ItemHeader::Extras::get(header) != 0) shape.extras = std::to_integer<std::uint8_t>(item.item_[at]);
  return shape;
}

Namespace StoredItem::extra_ns(StoredItem item) noexcept {
  const ItemShape shape = item.shape();
  if ((shape.extras & kNamespaceExtra.bit) == 0) return 0;
  // The first of the fields.
  return std::to_integer<Namespace>(item.item_[shape.prefix_bytes() - shape.extras_bytes() + 1]);
}

std::uint64_t StoredItem::extra_number(StoredItem item, Extra extra) noexcept {
  const ItemShape shape = item.shape();
  std::uint64_t number = 0;
  if ((shape.extras & extra.bit) != 0) std::memcpy(&number, item.item_ + shape.extra_at(extra), extra.bytes);
  return number;
}

std::string_view StoredItem::key_of(StoredItem item) noexcept {
  const ItemShape shape = item.shape();
  return {text_at(item.item_, shape.prefix_bytes()), shape.key_bytes};
}

bool StoredItem::has_long_key(StoredItem item, Namespace ns, std::string_view key) noexcept {
  return item.ns() == ns && item.key() == key;
}

std::string_view StoredItem::long_value(StoredItem item) noexcept {
  const ItemShape shape = item.shape();
  return {text_at(item.item_, shape.prefix_bytes() + std::size_t{shape.key_bytes}), shape.value_bytes};
}

std::int64_t StoredItem::stored_expiry_ms(StoredItem item, std::int64_t now_ms) noexcept {
  switch (static_cast<ExpiryForm>(ItemHeader::Expiry::get(item.header_))) {
    // In the order that ItemMemory, "Expiry", speaks of.
    case ExpiryForm::near: return expiry_of(chunk_word(item.item_ + 4).load(), now_ms);
    // Two words that never change.
    case ExpiryForm::far: return static_cast<std::int64_t>(std::uint64_t{item.load(8)} << 32U | item.load(4));
    case ExpiryForm::none: break;
  }
  return kNoExpiry;
}

bool StoredItem::set_expiry(std::int64_t expiry_ms, std::int64_t now_ms) noexcept {
  const auto form = static_cast<ExpiryForm>(ItemHeader::Expiry::get(header_));
  if (form != ExpiryForm::near || expiry_form(expiry_ms, now_ms) != ExpiryForm::near) return false;
  (void)chunk_word(item_ + 4).exchange(near_expiry(expiry_ms));
  return true;
}

void NewItem::write_prefix(NewItem what, ItemShape shape, std::byte* item) noexcept {
  shape.write_behind_header(item);
  if (shape.expiry == ExpiryForm::near) {
    const std::uint32_t word = near_expiry(what.expiry_ms);
    std::memcpy(item + 4, &word, sizeof word);
  } else if (shape.expiry == ExpiryForm::far) {
    std::memcpy(item + 4, &what.expiry_ms, sizeof what.expiry_ms);
  }
  if (shape.extras == kNamespaceExtra.bit) {
    item[shape.prefix_bytes() - 1] = std::byte{what.ns};
  } else if (shape.extras != 0) {
    if (what.ns != 0) item[shape.extra_at(kNamespaceExtra)] = std::byte{what.ns};
    if (what.epoch != 0) std::memcpy(item + shape.extra_at(kEpochExtra), &what.epoch, kEpochExtra.bytes);
    if (what.written_s != 0) std::memcpy(item + shape.extra_at(kWrittenExtra), &what.written_s, kWrittenExtra.bytes);
    if (what.lifetime_ms != 0) std::memcpy(item + shape.extra_at(kLifetimeExtra), &what.lifetime_ms, kLifetimeExtra.bytes);
  }
}

std::size_t encode_integer(std::string_view text, char (&bytes)[kMostIntegerBytes]) noexcept {
  if (!may_be_integer(text)) return 0;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return 0;
  char canonical[kMostIntegerDigits];
  const auto written = std::to_chars(canonical, canonical + sizeof canonical, number);
  if (std::string_view(canonical, static_cast<std::size_t>(written.ptr - canonical)) != text) return 0;
  std::memcpy(bytes, &number, sizeof number);
  // Without the bytes at the end that repeat the sign.
  std::size_t size = kMostIntegerBytes;
  const char filler = number < 0 ? '\xff' : '\0';
  while (size > 1 && bytes[size - 1] == filler && (bytes[size - 2] < 0) == (number < 0)) --size;
  return size < text.size() ? size : 0;
}

std::string_view decode_integer(std::string_view bytes, char (&digits)[kMostIntegerDigits]) noexcept {
  const bool negative = !bytes.empty() && bytes.back() < 0;
  std::int64_t number = negative ? -1 : 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  const auto written = std::to_chars(digits, digits + sizeof digits, number);
  return {digits, static_cast<std::size_t>(written.ptr - digits)};
}

}  // namespace strata::cache
