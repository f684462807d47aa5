#pragma once

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "engine/cache/decision.h"
#include "engine/cache/value_block.h"

namespace strata::cache {

// Recency is kept in units of 100 ms: coarse enough that a hot item is seldom written to for it, 32 bits wide (13 years, then it
// wraps).
inline constexpr std::int64_t kRecencyUnitMs = 100;
[[nodiscard]] constexpr std::uint32_t recency_of(std::int64_t now_ms) noexcept {
  return static_cast<std::uint32_t>(now_ms / kRecencyUnitMs);
}
// Units from `then` to `now`, whichever way the 32 bits have wrapped; 0 if `then` is later (threads read the clock at different
// moments).
[[nodiscard]] constexpr std::uint32_t idle_units(std::uint32_t then, std::uint32_t now) noexcept {
  const std::uint32_t distance = now - then;
  return distance <= (1U << 31U) ? distance : 0;
}

// One key with its value, in one allocation: this header, the key, the value. A large value (kLargeValueBytes or more) lies in a
// block of its own; the ValueRef to it stands between header and key. Owned by the table it is linked into. Thread safety: none,
// the lock of its shard guards it.
class Item {
 public:
  // The value's bytes are left uninitialised. nullptr when memory is out. REQUIRES: value_size < kLargeValueBytes
  [[nodiscard]] static Item* create(std::string_view key, std::uint64_t hash, std::size_t value_size) noexcept {
    void* memory = std::malloc(allocation_bytes(key.size(), value_size));
    if (memory == nullptr) return nullptr;
    return new (memory) Item(key, hash, value_size, false);
  }
  [[nodiscard]] static Item* create(std::string_view key, std::uint64_t hash, ValueRef block) noexcept {
    void* memory = std::malloc(allocation_bytes(key.size(), kLargeValueBytes));
    if (memory == nullptr) return nullptr;
    Item* item = new (memory) Item(key, hash, 0, true);
    new (item + 1) ValueRef(std::move(block));
    return item;
  }
  static void destroy(Item* item) noexcept {
    if (item->is_large_) std::destroy_at(&item->block());
    item->~Item();
    std::free(item);
  }
  // What `create` asks malloc for.
  [[nodiscard]] static constexpr std::size_t allocation_bytes(std::size_t key_size, std::size_t value_size) noexcept {
    return sizeof(Item) + key_size + (value_size < kLargeValueBytes ? value_size : sizeof(ValueRef));
  }

  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::string_view key() const noexcept { return {key_data(), key_size_}; }
  [[nodiscard]] bool is(std::string_view key, std::uint64_t hash) const noexcept { return hash_ == hash && this->key() == key; }
  [[nodiscard]] bool is_large() const noexcept { return is_large_; }
  // REQUIRES: is_large()
  [[nodiscard]] ValueRef& block() noexcept { return *std::launder(reinterpret_cast<ValueRef*>(this + 1)); }
  [[nodiscard]] const ValueRef& block() const noexcept { return *std::launder(reinterpret_cast<const ValueRef*>(this + 1)); }
  [[nodiscard]] std::string_view value() const noexcept {
    return is_large_ ? block()->view() : std::string_view(key_data() + key_size_, value_size_);
  }
  // REQUIRES: !is_large()
  [[nodiscard]] char* inline_value() noexcept { return reinterpret_cast<char*>(this + 1) + key_size_; }
  // REQUIRES: !is_large() and value_size <= inline_capacity()
  void set_inline_size(std::size_t value_size) noexcept { value_size_ = static_cast<std::uint32_t>(value_size); }
  // The longest inline value that fits into this allocation.
  [[nodiscard]] std::size_t inline_capacity() noexcept { return malloc_usable_size(this) - sizeof(Item) - key_size_; }

  // What the budget is charged for this item, a large value's block apart.
  [[nodiscard]] std::size_t charged_bytes() noexcept { return malloc_usable_size(this) + kMallocHeaderBytes; }
  // The block's share, which the block itself charges; 0 for an inline value.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return is_large_ ? block()->charged_bytes() : 0; }

  [[nodiscard]] bool has_expired(std::int64_t now_ms) const noexcept { return expire_at_ms <= now_ms; }
  void touch(std::int64_t now_ms) noexcept {
    const std::uint32_t now = recency_of(now_ms);
    if (accessed != now) accessed = now;
  }
  [[nodiscard]] ItemView view(std::int64_t now_ms) const noexcept {
    const std::int64_t idle_ms = idle_units(accessed, recency_of(now_ms)) * kRecencyUnitMs;
    return {value(), is_large_ ? block() : ValueRef(), expire_at_ms, idle_ms};
  }

  Item* next = nullptr;  // in its bucket, or in a list of items to be freed
  std::int64_t expire_at_ms = kNoExpiry;
  std::uint32_t accessed = 0;  // recency_of the last access

 private:
  Item(std::string_view key, std::uint64_t hash, std::size_t value_size, bool is_large) noexcept
      : key_size_(static_cast<std::uint32_t>(key.size())),
        value_size_(static_cast<std::uint32_t>(value_size)),
        is_large_(is_large),
        hash_(hash) {
    key.copy(const_cast<char*>(key_data()), key.size());
  }
  ~Item() = default;

  [[nodiscard]] const char* key_data() const noexcept {
    return reinterpret_cast<const char*>(this + 1) + (is_large_ ? sizeof(ValueRef) : 0);
  }

  std::uint32_t key_size_;
  std::uint32_t value_size_;  // of an inline value
  bool is_large_;
  std::uint64_t hash_;
};

static_assert(sizeof(Item) == 40);

// Frees a list linked by `next`.
inline void destroy_all(Item* list) noexcept {
  while (list != nullptr) {
    Item* next = list->next;
    Item::destroy(list);
    list = next;
  }
}

}  // namespace strata::cache
