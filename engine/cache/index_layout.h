#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

// The bits of the index: slots and buckets, as docs/architecture.md, "Bytes", lays them out and says why. Nothing here has a pointer:
// the index can be mapped anywhere.
namespace strata::cache {

// Items begin at multiples of this.
inline constexpr std::uint64_t kGranuleBytes = 4;

// A field of a 64-bit word.
template <unsigned Shift, unsigned Width>
struct BitField {
  static constexpr unsigned kEnd = Shift + Width;
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << Width) - 1;
  static constexpr std::uint64_t kMask = kLargest << Shift;
  [[nodiscard]] static constexpr std::uint64_t get(std::uint64_t word) noexcept { return (word >> Shift) & kLargest; }
  // REQUIRES: value <= kLargest
  [[nodiscard]] static constexpr std::uint64_t set(std::uint64_t word, std::uint64_t value) noexcept {
    return (word & ~kMask) | (value << Shift);
  }
};

// Where an item lies, seen from its home bucket. Each is found from the home and from the tag, and the home from each.
enum class SlotPlace : std::uint8_t {
  home = 0,
  buddy = 1,            // the other bucket of the pair
  alternate = 2,        // the pair that the tag points at within the block
  alternate_buddy = 3,  // and the other bucket of that pair
};

// What a slot's 64 bits say. 0 is an empty slot: the region's first granule is never an item. A value; Bucket holds it as an atomic.
class Slot {
 public:
  using Offset = BitField<0, 40>;     // in granules from the region's base: 4 TiB
  using Tag = BitField<40, 16>;       // the hash bits behind those that the bucket's number tells
  using Frequency = BitField<56, 2>;  // hits since the hand passed, saturating
  using Place = BitField<58, 2>;
  using Compressed = BitField<60, 1>;  // the value is compressed: a hit decodes it
  using Main = BitField<61, 1>;        // of the policy's two queues the main one, not the small one
  using Large = BitField<62, 1>;       // lies in pages of its own, not in a segment
  using Reserved = BitField<63, 1>;

  constexpr Slot() noexcept = default;
  constexpr explicit Slot(std::uint64_t bits) noexcept : bits_(bits) {}
  // REQUIRES: `bytes` is a multiple of kGranuleBytes, not 0, and below kRegionLimit
  [[nodiscard]] static constexpr Slot at(std::uint64_t bytes, std::uint16_t tag, SlotPlace place) noexcept {
    std::uint64_t bits = Offset::set(0, bytes / kGranuleBytes);
    bits = Tag::set(bits, tag);
    return Slot(Place::set(bits, static_cast<std::uint64_t>(place)));
  }
  static constexpr std::uint64_t kRegionLimit = (Offset::kLargest + 1) * kGranuleBytes;

  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint64_t offset_bytes() const noexcept { return Offset::get(bits_) * kGranuleBytes; }
  [[nodiscard]] constexpr std::uint16_t tag() const noexcept { return static_cast<std::uint16_t>(Tag::get(bits_)); }
  [[nodiscard]] constexpr SlotPlace place() const noexcept { return static_cast<SlotPlace>(Place::get(bits_)); }
  template <typename Field>
  [[nodiscard]] constexpr std::uint64_t get() const noexcept {
    return Field::get(bits_);
  }
  template <typename Field>
  [[nodiscard]] constexpr Slot with(std::uint64_t value) const noexcept {
    return Slot(Field::set(bits_, value));
  }

  friend constexpr bool operator==(Slot, Slot) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};
static_assert(Slot::Reserved::kEnd == 64);
static_assert((Slot::Offset::kMask ^ Slot::Tag::kMask ^ Slot::Frequency::kMask ^ Slot::Place::kMask ^ Slot::Compressed::kMask ^
               Slot::Main::kMask ^ Slot::Large::kMask ^ Slot::Reserved::kMask) == ~std::uint64_t{0},
              "the fields of a slot do not overlap and leave nothing out");
static_assert(Slot::kRegionLimit == std::uint64_t{4} << 40);

// What the first 64 bits of a bucket say. The counts are of items whose home this is: a search skips what counts 0. At their largest
// they stay there until the bucket is built anew, which costs searches a line and is never wrong.
struct BucketHeader {
  using Sequence = BitField<0, 32>;  // odd: a writer is at work. Validates misses
  using InBuddy = BitField<32, 3>;
  using InAlternate = BitField<35, 3>;
  using InAlternateBuddy = BitField<38, 3>;
  using Overflow = BitField<41, 16>;      // bucket of the shard's overflow pool; 0: none
  using Joint = BitField<57, 1>;          // locked together with other keys: who reads waits, even for what it would find
  using SnapshotEpoch = BitField<58, 6>;  // the last snapshot that has seen this bucket

  // Some items do not lie in their home, or may not.
  static constexpr std::uint64_t kElsewhere = InBuddy::kMask | InAlternate::kMask | InAlternateBuddy::kMask | Overflow::kMask;
  static constexpr std::uint64_t kLocked = 1;
  [[nodiscard]] static constexpr bool locked(std::uint64_t header) noexcept { return (header & kLocked) != 0; }
};
static_assert(BucketHeader::SnapshotEpoch::kEnd == 64);

// One cache line.
struct alignas(64) Bucket {
  static constexpr std::size_t kSlots = 7;
  std::atomic<std::uint64_t> header{0};
  std::atomic<std::uint64_t> slots[kSlots] = {};
};
static_assert(sizeof(Bucket) == 64);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace strata::cache
