#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/cache/budget.h"
#include "engine/cache/item_memory.h"
#include "engine/cache/stored_item.h"
#include "engine/cache/value_block.h"

namespace strata::cache {

// The value of an item with Encoding::block.
struct BlockLocator {
  std::uint64_t offset = 0;  // of the ValueBlock, in bytes from the region's base
  std::uint32_t size = 0;    // how much of it is this item's value
  static constexpr std::size_t kBytes = 12;
};

// Makes items and takes them apart: the item memory, and what items hold beside it, their values' blocks.
// Thread safety: all functions, each thread with a handle of its own.
class ItemStore {
 public:
  using Handle = ItemMemory::Handle;

  ItemStore(ItemMemory& memory, Budget& budget) noexcept : memory_(memory), budget_(budget) {}
  ItemStore(const ItemStore&) = delete;
  ItemStore& operator=(const ItemStore&) = delete;

  [[nodiscard]] ItemMemory& memory() noexcept { return memory_; }
  [[nodiscard]] StoredItem at(std::uint64_t offset) const noexcept { return StoredItem(memory_.address(offset)); }
  [[nodiscard]] StoredItem at(Slot slot) const noexcept { return at(slot.offset_bytes()); }

  // An item that nobody else knows of yet: its offset, or 0: memory is out. `bytes`: what it takes.
  // Inline always: so what is known of the item stays in registers. In memory it would be cleared and written in pieces first.
  [[nodiscard]] [[gnu::always_inline]] std::uint64_t create(Handle& handle, const NewItem& item, std::uint64_t& bytes) noexcept {
    const ItemShape shape = item.shape();
    const std::uint32_t prefix_bytes = shape.prefix_bytes();
    bytes = shape.item_bytes(prefix_bytes);
    const std::uint64_t offset = memory_.allocate(handle, bytes);
    if (offset == 0) return 0;
    item.write_behind_header(shape, prefix_bytes, memory_.address(offset));
    if (item.expiry_ms != kNoExpiry) memory_.note_expiry(offset, item.expiry_ms);
    memory_.complete(handle, offset, shape.header());
    return offset;
  }
  // The same with a value in a block of its own. Takes the reference over if it succeeds. `hash`: of the key.
  [[nodiscard]] std::uint64_t create(Handle& handle, NewItem item, ValueRef& value, std::uint64_t hash,
                                     std::uint64_t& bytes) noexcept;
  // The same item once more, in a reserved chunk of its size; with a reference of its own to its block, if it has one; or to `block` instead, whose
  // reference it takes over. `hash`: of the key. REQUIRES: the lock of its home.
  void copy(Handle& handle, StoredItem item, std::uint64_t to, std::uint64_t hash, std::int64_t now_ms, ValueRef block) noexcept;
  // As StoredItem::set_expiry.
  [[nodiscard]] bool set_expiry(std::uint64_t offset, std::int64_t expiry_ms, std::int64_t now_ms) noexcept;
  // What an item takes, its block included.
  [[nodiscard]] std::uint64_t whole_bytes_of(StoredItem item) const noexcept {
    return item.bytes() + (item.encoding() == Encoding::block ? charged_bytes(block_of(item)) : 0);
  }
  // Gives items back that nobody reads any more, and their blocks, as far as those are not pinned. `keeper`: as of ItemMemory::release.
  void dispose(std::span<const std::uint64_t> offsets, Handle* keeper) noexcept;

  // `size` bytes, not initialised, and `spare` more behind them that append() can use. Empty: memory is out.
  [[nodiscard]] ValueRef allocate_block(Handle& handle, std::size_t size, std::size_t spare) noexcept;
  // The same where a segment has room already.
  [[nodiscard]] ValueRef allocate_block_in_holes(Handle& handle, std::size_t size) noexcept;
  [[nodiscard]] static BlockLocator locator_of(StoredItem item) noexcept;
  // Of a chunk that says Encoding::block_body.
  [[nodiscard]] const ValueBlock& block_in(std::uint64_t offset) const noexcept {
    return *reinterpret_cast<const ValueBlock*>(memory_.address(offset) + at(offset).shape().prefix_bytes());
  }
  // What a block for a value of so many bytes takes.
  [[nodiscard]] static std::uint64_t block_bytes(std::size_t capacity) noexcept { return body_shape(capacity).item_bytes(); }
  // REQUIRES: an item with Encoding::block.
  [[nodiscard]] ValueBlock& block_of(StoredItem item) const noexcept { return block_at(locator_of(item)); }
  // What the budget is charged for a block, more than its bytes.
  [[nodiscard]] static std::uint64_t charged_bytes(const ValueBlock& block) noexcept {
    return body_shape(block.capacity()).item_bytes();
  }
  // Of all blocks that no item shows: what is being received, and what clients are still being sent.
  [[nodiscard]] std::uint64_t unshown_bytes() const noexcept {
    // Who shows a block again may be counted before who has hidden it.
    return static_cast<std::uint64_t>(std::max<std::int64_t>(unshown_bytes_.load(std::memory_order_relaxed), 0));
  }
  // Another reference. REQUIRES: the item's memory is not given back meanwhile.
  [[nodiscard]] ValueRef pin(StoredItem item) const noexcept;

 private:
  friend class ValueRef;
  [[nodiscard]] ValueBlock& block_at(const BlockLocator& locator) const noexcept {
    return *reinterpret_cast<ValueBlock*>(memory_.address(locator.offset));
  }
  [[nodiscard]] static ItemShape body_shape(std::size_t capacity) noexcept {
    return {.key_bytes = 0,
            .value_bytes = static_cast<std::uint32_t>(sizeof(ValueBlock) + capacity),
            .encoding = Encoding::block_body};
  }
  [[nodiscard]] ValueRef make_block(Handle& handle, std::uint64_t offset, std::size_t size, std::size_t spare) noexcept;
  void free_block(ValueBlock& block) noexcept;
  // For one more item, of the key with that hash.
  void show(ValueBlock& block, std::uint64_t hash) noexcept;
  // For one item less.
  void hide(ValueBlock& block) noexcept;

  ItemMemory& memory_;
  Budget& budget_;
  std::atomic<std::int64_t> unshown_bytes_ = 0;
};

}  // namespace strata::cache
