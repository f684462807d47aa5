#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/memory_checks.h"
#include "engine/allocator/poison.h"
#include "engine/allocator/size_class.h"

namespace strata::allocator {

// The blocks a heap has at hand: for each size class a bounded stack of addresses. Allocating pops, freeing pushes, so a block just freed,
// still in the processor's cache, is the next to be handed out. The addresses do not lie in the blocks: taking a block reads nothing
// of it, and a new one can be handed out before its page exists.
//
// The stacks lie in memory of kBytes that the heap provides. Each fills the end of its 64 slots, as many as its capacity, so that "full"
// is an address's low bits; before them lies a null pointer, so that "empty" is the block found. Capacities begin small and double
// where a class runs empty and full by turns; what only grows or only shrinks needs no store.
// Thread safety: none, as the heap.
class AtHand {
 public:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kAlignment = kSlots * sizeof(void*);
  static constexpr std::size_t kBytes = kSizeClasses * kAlignment;
  static constexpr std::uint32_t kFirstCapacity = 8;
  // Most bytes of blocks that a stack grows to hold, where that is not one block or all slots of the smallest.
  static constexpr std::size_t kClassBytes = std::size_t{64} << 10;
  static constexpr std::size_t kAllSlotsBytes = 1024;

  // Nothing at hand and no memory: take() finds nothing, put() is not allowed.
  constexpr AtHand() noexcept { tops_.fill(&nothing); }
  // REQUIRES: `memory` is zeroed, of kBytes, a multiple of kAlignment.
  void place(void* memory) noexcept;

  [[nodiscard]] static constexpr std::uint32_t most(SizeClass size_class) noexcept {
    const std::size_t bytes = class_bytes(size_class);
    return static_cast<std::uint32_t>(bytes <= kAllSlotsBytes ? kSlots - 1
                                                              : std::clamp<std::size_t>(kClassBytes / bytes, 1, kSlots - 1));
  }
  [[nodiscard]] std::uint32_t capacity(SizeClass size_class) const noexcept { return capacities_[size_class]; }

  // nullptr: none.
  [[nodiscard]] void* take(SizeClass size_class) noexcept {
    void** const top = tops_[size_class];
    void* const block = *top;
    if (block != nullptr) [[likely]] {
      tops_[size_class] = top - 1;
      unmark(size_class, block);
      unpoison(block, class_bytes(size_class));
    }
    return block;
  }
  // False: the stack is full.
  [[nodiscard]] bool put(SizeClass size_class, void* block) noexcept {
    void** const top = tops_[size_class] + 1;
    if (reinterpret_cast<std::uintptr_t>(top) % kAlignment == 0) [[unlikely]]
      return false;
    *top = block;
    tops_[size_class] = top;
    poison_block(block, class_bytes(size_class));
    return true;
  }

  [[nodiscard]] std::uint32_t count(SizeClass size_class) const noexcept;
  // The stack is full: makes it larger if it has been empty since it was full before. False: it stays as it is.
  [[nodiscard]] bool grow_capacity(SizeClass size_class) noexcept;
  // The blocks of a class, oldest first: count() of them.
  [[nodiscard]] void* const* oldest(SizeClass size_class) const noexcept { return base(size_class) + 1; }
  // REQUIRES: count <= count(size_class).
  void drop_oldest(SizeClass size_class, std::uint32_t count) noexcept;
  // Room for `count` blocks, to be written by the caller, the one to be taken first at the end. REQUIRES: the stack is empty,
  // count <= capacity(size_class).
  [[nodiscard]] void** grow(SizeClass size_class, std::uint32_t count) noexcept {
    void** const first = tops_[size_class] + 1;
    tops_[size_class] += count;
    was_empty_[size_class] = true;
    return first;
  }

 private:
  // In it a null pointer, behind it the stack's blocks.
  [[nodiscard]] void** base(SizeClass size_class) const noexcept {
    return slots_ + (size_class + 1) * kSlots - 1 - capacities_[size_class];
  }

  static constinit void* nothing;

  std::array<void**, kSizeClasses> tops_{};
  std::array<std::uint8_t, kSizeClasses> capacities_{};
  std::array<bool, kSizeClasses> was_empty_{};
  void** slots_ = nullptr;
};

}  // namespace strata::allocator
