#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>
#include <utility>

namespace strata::cache {

class Budget;

// Values of at least this many bytes live in a block of their own that readers pin by reference instead of copying.
inline constexpr std::size_t kLargeValueBytes = 16ULL << 10;

// What malloc puts in front of every block it hands out, beside what malloc_usable_size tells. Charged with each allocation.
inline constexpr std::size_t kMallocHeaderBytes = 8;

// The bytes of one large value, in one allocation, reference counted: a network reader receives into it, the cache adopts it,
// and a reply that is being sent to a slow client pins it. Charged to the budget (Purpose::large_values) exactly once, from
// creation until the last reference is gone, whoever holds it. Written only while its creator holds the one reference; immutable
// afterwards, but for the cache appending to a block that nobody but itself refers to.
class ValueBlock {
 public:
  ValueBlock(const ValueBlock&) = delete;
  ValueBlock& operator=(const ValueBlock&) = delete;

  [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this) + sizeof(ValueBlock); }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(this) + sizeof(ValueBlock), size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // What the budget is charged for it: the bytes malloc set aside, more than size().
  [[nodiscard]] std::size_t charged_bytes() const noexcept { return charged_bytes_; }

 private:
  friend class ValueRef;
  ValueBlock(std::size_t size, std::size_t capacity, std::size_t charged_bytes, Budget& budget) noexcept
      : size_(size), capacity_(capacity), charged_bytes_(charged_bytes), budget_(&budget) {}
  ~ValueBlock() = default;

  std::size_t size_;
  std::size_t capacity_;
  std::size_t charged_bytes_;
  Budget* budget_;
  std::atomic<std::size_t> references_{1};
};

// One reference to a ValueBlock. Copies share it. Thread safety: as std::shared_ptr.
class ValueRef {
 public:
  ValueRef() = default;
  // A new block of `size` uninitialised bytes, or an empty reference when memory is out.
  [[nodiscard]] static ValueRef allocate(std::size_t size, Budget& budget) noexcept { return allocate(size, 0, budget); }
  // The same with `spare` bytes more behind it, which `append` can use.
  [[nodiscard]] static ValueRef allocate(std::size_t size, std::size_t spare, Budget& budget) noexcept;

  ValueRef(const ValueRef& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  ValueRef(ValueRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  ValueRef& operator=(ValueRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~ValueRef() {
    if (block_ != nullptr) release();
  }

  [[nodiscard]] ValueBlock* get() const noexcept { return block_; }
  ValueBlock* operator->() const noexcept { return block_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

  // Whether this is the only reference there is. Stays true only as long as nobody can copy this one. REQUIRES: not empty
  [[nodiscard]] bool unique() const noexcept { return block_->references_.load(std::memory_order_acquire) == 1; }
  // Makes the value longer if there is room behind it; false if there is not. `tail` must not point into the block.
  // REQUIRES: unique(), and nobody can copy this reference meanwhile
  [[nodiscard]] bool append(std::string_view tail) noexcept;

 private:
  void release() noexcept;

  ValueBlock* block_ = nullptr;
};

}  // namespace strata::cache
