#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace strata::cache {

class ItemStore;

// Values of at least this many bytes lie in a block of their own that readers pin by reference instead of copying.
inline constexpr std::size_t kLargeValueBytes = 16ULL << 10;

// The bytes of one large value, in a chunk of the item memory: a network reader receives into it, an item adopts it, and a reply that is being
// sent to a slow client pins it. Charged once, from creation until the last reference is gone, whoever holds it. Its creator writes it
// while it holds the one reference; from then on what an item shows of it never changes. What is behind that may be appended once:
// by a new item that shows more of the same block. As long as no item shows it, it is there for a client alone.
class ValueBlock {
 public:
  ValueBlock(const ValueBlock&) = delete;
  ValueBlock& operator=(const ValueBlock&) = delete;

  [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this) + sizeof(ValueBlock); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  // Whether others than one item refer to it: a client that it is being received from or sent to, or another key. A glance: it may change at any time.
  [[nodiscard]] bool is_held() const noexcept {
    return references_.load(std::memory_order_relaxed) > 1 || items_.load(std::memory_order_relaxed) == 0;
  }

  // The hash of a key whose item shows it, or did, if there ever was one: where to look for who names it.
  [[nodiscard]] std::uint64_t owner() const noexcept {
    return std::uint64_t{owner_high_.load(std::memory_order_relaxed)} << 32U | owner_low_.load(std::memory_order_relaxed);
  }
  void set_owner(std::uint64_t hash) noexcept {
    owner_low_.store(static_cast<std::uint32_t>(hash), std::memory_order_relaxed);
    owner_high_.store(static_cast<std::uint32_t>(hash >> 32U), std::memory_order_relaxed);
  }

 private:
  friend class ItemStore;
  friend class ValueRef;
  ValueBlock(ItemStore& store, std::uint32_t size, std::uint32_t capacity) noexcept
      : store_low_(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&store))),
        store_high_(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&store) >> 32U)),
        size_(size),
        capacity_(capacity) {}
  ~ValueBlock() = default;
  // One more item shows it, or one less. Returns whether it is the first, or was the last.
  bool add_item() noexcept { return items_.fetch_add(1, std::memory_order_relaxed) == 0; }
  bool remove_item() noexcept { return items_.fetch_sub(1, std::memory_order_relaxed) == 1; }
  [[nodiscard]] ItemStore& store() const noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): chunks are aligned to 4 bytes, pointers are not
    return *reinterpret_cast<ItemStore*>(std::uint64_t{store_high_} << 32U | store_low_);
  }

  std::uint32_t store_low_, store_high_;
  std::atomic<std::uint32_t> size_;
  std::uint32_t capacity_;
  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::uint32_t> items_{0};
  std::atomic<std::uint32_t> owner_low_{0}, owner_high_{0};
};
static_assert(sizeof(ValueBlock) == 32 && alignof(ValueBlock) == 4);

// One reference to a ValueBlock, and how much of it is the value. Copies share the block. Thread safety: as std::shared_ptr.
class ValueRef {
 public:
  ValueRef() = default;
  ValueRef(const ValueRef& other) noexcept : block_(other.block_), size_(other.size_) {
    if (block_ != nullptr) block_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  ValueRef(ValueRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ValueRef& operator=(ValueRef other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ValueRef() {
    if (block_ != nullptr) release();
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  // REQUIRES of these: not empty.
  [[nodiscard]] const ValueBlock& block() const noexcept { return *block_; }
  [[nodiscard]] char* data() const noexcept { return block_->data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size_}; }

  // Makes the value longer, if nobody has appended to it yet and there is room; false if not. `tail` must not point into the block.
  [[nodiscard]] bool append(std::string_view tail) noexcept;

 private:
  friend class ItemStore;
  ValueRef(ValueBlock* adopted, std::size_t size) noexcept : block_(adopted), size_(size) {}
  // The reference, without counting it down.
  [[nodiscard]] ValueBlock* detach() noexcept { return std::exchange(block_, nullptr); }
  void release() noexcept;

  ValueBlock* block_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace strata::cache
