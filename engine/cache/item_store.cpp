#include "engine/cache/item_store.h"

#include <array>
#include <cstring>
#include <new>

namespace strata::cache {

bool ItemStore::set_expiry(std::uint64_t offset, std::int64_t expiry_ms, std::int64_t now_ms) noexcept {
  if (!at(offset).set_expiry(expiry_ms, now_ms)) return false;
  memory_.note_expiry(offset, expiry_ms);
  return true;
}

std::uint64_t ItemStore::create(Handle& handle, NewItem item, ValueRef& value, std::uint64_t hash,
                                std::uint64_t& bytes) noexcept {
  const BlockLocator locator{.offset = memory_.offset_of(reinterpret_cast<const std::byte*>(&value.block())),
                             .size = static_cast<std::uint32_t>(value.size())};
  char stored[BlockLocator::kBytes];
  std::memcpy(stored, &locator.offset, sizeof locator.offset);
  std::memcpy(stored + sizeof locator.offset, &locator.size, sizeof locator.size);
  item.head = {stored, sizeof stored};
  item.tail = {};
  item.encoding = Encoding::block;
  const std::uint64_t offset = create(handle, item, bytes);
  if (offset == 0) return 0;
  show(*value.detach(), hash);
  return offset;
}

void ItemStore::copy(Handle& handle, StoredItem item, std::uint64_t to, std::uint64_t hash, std::int64_t now_ms,
                     ValueRef block) noexcept {
  const auto from = static_cast<std::uint64_t>(item.key().data() - reinterpret_cast<const char*>(memory_.address(0))) -
                    item.shape().prefix_bytes();
  std::byte* const source = memory_.address(from);
  std::byte* const copy = memory_.address(to);
  // The first word belongs to the placement of each.
  std::memcpy(copy + sizeof(std::uint32_t), source + sizeof(std::uint32_t), item.bytes() - sizeof(std::uint32_t));
  if (item.encoding() == Encoding::block) {
    if (!block) block = pin(item);
    const std::uint64_t body = memory_.offset_of(reinterpret_cast<const std::byte*>(&block.block()));
    std::memcpy(copy + (item.stored_value().data() - reinterpret_cast<const char*>(source)), &body, sizeof body);
    show(*block.detach(), hash);
  }
  if (item.expires()) memory_.note_expiry(to, item.expiry_ms(now_ms));
  memory_.complete(handle, to, item.shape().header());
}

void ItemStore::show(ValueBlock& block, std::uint64_t hash) noexcept {
  block.set_owner(hash);
  if (block.add_item()) unshown_bytes_.fetch_sub(static_cast<std::int64_t>(charged_bytes(block)), std::memory_order_relaxed);
}

void ItemStore::hide(ValueBlock& block) noexcept {
  if (block.remove_item()) unshown_bytes_.fetch_add(static_cast<std::int64_t>(charged_bytes(block)), std::memory_order_relaxed);
  (void)ValueRef(&block, 0);
}

BlockLocator ItemStore::locator_of(StoredItem item) noexcept {
  const std::string_view stored = item.stored_value();
  BlockLocator locator;
  std::memcpy(&locator.offset, stored.data(), sizeof locator.offset);
  std::memcpy(&locator.size, stored.data() + sizeof locator.offset, sizeof locator.size);
  return locator;
}

ValueRef ItemStore::pin(StoredItem item) const noexcept {
  ValueBlock& block = block_of(item);
  block.references_.fetch_add(1, std::memory_order_relaxed);
  return {&block, locator_of(item).size};
}

void ItemStore::dispose(std::span<const std::uint64_t> offsets, Handle* keeper) noexcept {
  for (const std::uint64_t offset : offsets) {
    const StoredItem item = at(offset);
    if (item.encoding() == Encoding::block) [[unlikely]]
      hide(block_of(item));
  }
  memory_.release(offsets, keeper);
}

ValueRef ItemStore::allocate_block(Handle& handle, std::size_t size, std::size_t spare) noexcept {
  return make_block(handle, memory_.allocate(handle, block_bytes(size + spare)), size, spare);
}

ValueRef ItemStore::allocate_block_in_holes(Handle& handle, std::size_t size) noexcept {
  return make_block(handle, memory_.allocate_in_holes(handle, block_bytes(size)), size, 0);
}

ValueRef ItemStore::make_block(Handle& handle, std::uint64_t offset, std::size_t size, std::size_t spare) noexcept {
  if (offset == 0) return {};
  const ItemShape shape = body_shape(size + spare);
  std::byte* const chunk = memory_.address(offset);
  shape.write_behind_header(chunk);
  auto* const block = new (chunk + shape.prefix_bytes())
      ValueBlock(*this, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(size + spare));
  // Who walks over the memory looks at the block from here on.
  memory_.complete(handle, offset, shape.header());
  budget_.charge(Purpose::large_values, static_cast<std::int64_t>(shape.item_bytes()));
  unshown_bytes_.fetch_add(static_cast<std::int64_t>(shape.item_bytes()), std::memory_order_relaxed);
  return {block, size};
}

void ItemStore::free_block(ValueBlock& block) noexcept {
  const ItemShape shape = body_shape(block.capacity());
  const std::uint64_t offset = memory_.offset_of(reinterpret_cast<std::byte*>(&block) - shape.prefix_bytes());
  block.~ValueBlock();
  unshown_bytes_.fetch_sub(static_cast<std::int64_t>(shape.item_bytes()), std::memory_order_relaxed);
  budget_.charge(Purpose::large_values, -static_cast<std::int64_t>(shape.item_bytes()));
  memory_.release(std::array{offset});
}

bool ValueRef::append(std::string_view tail) noexcept {
  auto written = static_cast<std::uint32_t>(size_);
  if (tail.size() > block_->capacity_ - size_) return false;
  if (!block_->size_.compare_exchange_strong(written, static_cast<std::uint32_t>(size_ + tail.size()), std::memory_order_relaxed))
    return false;
  tail.copy(data() + size_, tail.size());
  size_ += tail.size();
  return true;
}

void ValueRef::release() noexcept {
  if (block_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) block_->store().free_block(*block_);
}

}  // namespace strata::cache
