#include "engine/allocator/at_hand.h"

namespace strata::allocator {

constinit void* AtHand::nothing = nullptr;

void AtHand::place(void* memory) noexcept {
  slots_ = static_cast<void**>(memory);
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    capacities_[size_class] = static_cast<std::uint8_t>(std::min(kFirstCapacity, most(size_class)));
    tops_[size_class] = base(size_class);
  }
}

std::uint32_t AtHand::count(SizeClass size_class) const noexcept {
  return slots_ == nullptr ? 0 : static_cast<std::uint32_t>(tops_[size_class] - base(size_class));
}

bool AtHand::grow_capacity(SizeClass size_class) noexcept {
  const std::uint32_t before = capacities_[size_class];
  const std::uint32_t grown = std::min(2 * before, most(size_class));
  if (!was_empty_[size_class] || grown == before) return false;
  was_empty_[size_class] = false;
  const std::uint32_t more = grown - before;
  void** const first = base(size_class);
  std::move(first, tops_[size_class] + 1, first - more);
  tops_[size_class] -= more;
  capacities_[size_class] = static_cast<std::uint8_t>(grown);
  return true;
}

void AtHand::drop_oldest(SizeClass size_class, std::uint32_t count) noexcept {
  void** const first = base(size_class) + 1;
  std::move(first + count, tops_[size_class] + 1, first);
  tops_[size_class] -= count;
}

}  // namespace strata::allocator
