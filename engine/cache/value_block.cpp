#include "engine/cache/value_block.h"

#include <malloc.h>

#include <cstdlib>
#include <limits>
#include <new>

#include "engine/cache/budget.h"

namespace strata::cache {

ValueRef ValueRef::allocate(std::size_t size, std::size_t spare, Budget& budget) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max() - sizeof(ValueBlock);
  ValueRef reference;
  if (size > kMost || spare > kMost - size) return reference;
  void* memory = std::malloc(sizeof(ValueBlock) + size + spare);
  if (memory == nullptr) return reference;
  const std::size_t usable = malloc_usable_size(memory);
  const std::size_t charged = usable + kMallocHeaderBytes;
  reference.block_ = new (memory) ValueBlock(size, usable - sizeof(ValueBlock), charged, budget);
  budget.charge(Purpose::large_values, static_cast<std::int64_t>(charged));
  return reference;
}

bool ValueRef::append(std::string_view tail) noexcept {
  if (tail.size() > block_->capacity_ - block_->size_) return false;
  tail.copy(block_->data() + block_->size_, tail.size());
  block_->size_ += tail.size();
  return true;
}

void ValueRef::release() noexcept {
  if (block_->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Budget* budget = block_->budget_;
  const std::size_t charged = block_->charged_bytes_;
  block_->~ValueBlock();
  std::free(block_);
  budget->charge(Purpose::large_values, -static_cast<std::int64_t>(charged));
}

}  // namespace strata::cache
