#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/cache/index_layout.h"
#include "engine/cache/vector_match.h"

// Which slots of a bucket may hold a key: all seven are compared at once, as a Swiss table compares its tags (M. Kulukundis, "Designing a
// fast, efficient, cache-friendly hash table, step by step", 2017). No branch depends on where in the bucket the slot is: that is any place, so
// that one branch for each would be foretold wrong with almost every lookup.
namespace strata::cache {

// Tag and place: what tells most other keys apart. Both lie in the higher half of the slot.
inline constexpr std::uint64_t kSlotIdentity = Slot::Tag::kMask | Slot::Place::kMask;
static_assert((kSlotIdentity & 0xffffffffU) == 0);

// What a slot says, but for where its item lies.
[[nodiscard]] constexpr std::uint64_t slot_identity(std::uint16_t tag, SlotPlace place) noexcept {
  return Slot::Place::set(Slot::Tag::set(0, tag), static_cast<std::uint64_t>(place));
}

// A set of slots of one bucket, from the first on.
class SlotSet {
 public:
  // The slots with that identity; an empty slot may be among them. What each says has to be loaded again, and may be something else by then.
  // Loads of the slots are not moved in front of what was loaded before with acquire order, nor behind an acquire load that follows: on x86 loads are not
  // reordered, and the fences keep the compiler from it. Each half of a vector is a slot, and is loaded in one.
  [[nodiscard]] [[gnu::always_inline]] static SlotSet of_identity(const Bucket& bucket, std::uint64_t identity) noexcept {
#ifdef STRATA_VECTOR_MATCH
    static_assert(offsetof(Bucket, slots) == sizeof(std::uint64_t) && sizeof(Bucket) == 64);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const auto* const halves = reinterpret_cast<const __m128i*>(&bucket);
    const __m128i mask = _mm_set1_epi32(static_cast<int>(kSlotIdentity >> 32U));
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(identity >> 32U));
    const __m128i low = _mm_cmpeq_epi32(_mm_and_si128(higher_halves(halves[0], halves[1]), mask), wanted);
    const __m128i high = _mm_cmpeq_epi32(_mm_and_si128(higher_halves(halves[2], halves[3]), mask), wanted);
    const __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return SlotSet(static_cast<unsigned>(_mm_movemask_epi8(bytes)) & ~1U);
#else
    unsigned bits = 0;
    for (std::size_t i = 0; i < Bucket::kSlots; ++i)
      bits |= (bucket.slots[i].load(std::memory_order_acquire) & kSlotIdentity) == identity ? 2U << i : 0U;
    return SlotSet(bits);
#endif
  }

  [[nodiscard]] bool empty() const noexcept { return bits_ == 0; }
  // REQUIRES: not empty
  [[nodiscard]] std::size_t first() const noexcept { return static_cast<std::size_t>(std::countr_zero(bits_)) - 1; }
  void drop_first() noexcept { bits_ &= bits_ - 1; }

 private:
  explicit SlotSet(unsigned bits) noexcept : bits_(bits) {}

#ifdef STRATA_VECTOR_MATCH
  [[nodiscard]] [[gnu::always_inline]] static __m128i higher_halves(__m128i two, __m128i more) noexcept {
    constexpr int kOdd = 0b11'01'11'01;
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(two), _mm_castsi128_ps(more), kOdd));
  }
#endif

  unsigned bits_;  // the first is the header's, and 0
};

}  // namespace strata::cache
