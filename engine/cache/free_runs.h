#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/cache/item_layout.h"

namespace strata::cache {

// The chunks of one domain, in use and free, side by side in its segments, in granules of kGranuleBytes. Boundary tags after Knuth (TAOCP 1,
// 2.5): the first word of a chunk tells its size, whether it is free and whether the one before it is; a free chunk repeats its size in
// its last word. So both neighbours are found at once, and an item pays one bit of the header that it has anyway. The size of an item is not
// stored again: its header tells the lengths of key and value (item_layout.h). No chunk crosses the end of a segment, and no two free
// chunks are neighbours.
//
// Free chunks are kept in bins by size: exact below 512 bytes, then 32 a doubling. One is taken from the smallest bin that has any that fits
// ("good fit": M. Masmano et al., TLSF, 2004), and cut from its beginning: what is stored later lies behind, and the hand of the eviction,
// which goes the same way, comes to the older first. Chunks of less than four granules have no room for links: they lie fallow
// until a neighbour is freed.
//
// What the first word of a chunk in use says is also read, and, as long as it is reserved, set by ItemMemory::complete, without the lock; so the bit
// of a reserved one that belongs to the placement is changed by atomic read-modify-writes. All else in a free chunk is touched under the lock alone.
// Thread safety: none; the domain's lock is held. Allocates nothing.
class FreeRuns {
 public:
  using Granule = std::uint32_t;  // number of a granule in the domain's addresses, or of granules
  static constexpr Granule kNone = ~Granule{0};
  static constexpr Granule kMostSegmentGranules = Granule{1} << 19U;  // 2 MiB
  // Free chunks of less are holes: not worth a thread's run of their own. 4 KiB.
  static constexpr Granule kHoleGranules = 1024;

  enum class Kind : std::uint8_t { free, item, reserved, open_run };
  struct Chunk {
    Granule size;
    Kind kind;
    bool previous_free;
  };
  struct Run {
    Granule begin, size;
  };

  // `base`: where granule 0 lies, or would. REQUIRES: segment_granules is a power of two, at most kMostSegmentGranules.
  FreeRuns(std::byte* base, Granule segment_granules) noexcept;

  [[nodiscard]] std::byte* address(Granule at) const noexcept { return base_ + std::size_t{at} * kGranuleBytes; }
  [[nodiscard]] Granule segment_granules() const noexcept { return segment_granules_; }
  // REQUIRES: a chunk begins there.
  [[nodiscard]] Chunk chunk(Granule at) const noexcept { return read(address(at)); }
  // The same, of large items too.
  [[nodiscard]] static Chunk read(std::byte* chunk) noexcept {
    // Acquired: the length words of an item were written before its header was.
    const std::uint32_t word = chunk_word(chunk).load(std::memory_order_acquire);
    const std::uint64_t bytes = ChunkWord::is_item(word) ? short_item_bytes(word) : 0;
    if (bytes != 0) [[likely]]
      return {static_cast<Granule>(bytes / kGranuleBytes), Kind::item, (word & ChunkWord::kPreviousFree) != 0};
    return read_other(chunk, word);
  }

  // A whole segment, as one free run. REQUIRES: nothing of it is known.
  void add_segment(Granule begin) noexcept { mark_free(begin, segment_granules_); }
  // REQUIRES: one free run.
  void remove_segment(Granule begin) noexcept {
    unfile(begin, segment_granules_);
    if (begin == withheld_begin_) withheld_begin_ = none_withheld();
  }

  // From here on find() finds nothing in the segment, whatever becomes free there: what is left in it is to be moved. All else is as ever. One at a time.
  void withhold(Granule begin) noexcept;
  // It does again. Also where the segment was removed meanwhile: it is no longer withheld then.
  void offer_again() noexcept;
  [[nodiscard]] bool is_withholding() const noexcept { return withheld_begin_ != none_withheld(); }
  // REQUIRES: is_withholding()
  [[nodiscard]] Granule withheld() const noexcept { return withheld_begin_; }

  // A free chunk of at least that many granules, of the smallest there are or nearly; or kNone.
  [[nodiscard]] Granule find(Granule count) const noexcept;
  // Cuts a reserved chunk from the beginning of the free one, and returns where it begins. REQUIRES: 0 < count <= its size
  Granule take(Granule found, Granule count) noexcept;
  // A chunk in use, of that size, is no item any more, and still in use.
  void reserve(Granule at, Granule count) noexcept {
    first_word(at).store(ChunkWord::reserved(count) | previous_free_bit(at), std::memory_order_relaxed);
  }
  // Frees a chunk in use, of that size, or several that lie side by side in one segment and have it together. Returns the free chunk that they are
  // now part of.
  Run release(Granule at, Granule count) noexcept;

  // Turns a reserved chunk into an open run: its first word says so as long as a thread cuts items off its end without the lock, and its last
  // granule is a chunk in use, so that no chunk reaches across its end and who comes to its front can step over it.
  // REQUIRES: at least three granules.
  void open_run(Granule at, Granule total) noexcept;
  // Makes the `left` granules at its front that were not cut off a reserved chunk. Returns the free chunk that its last granule is part of.
  Run close_run(Granule at, Granule total, Granule left) noexcept;
  // Frees granules at the front of a reserved chunk, or at its end. REQUIRES: something is left.
  Run trim_front(Granule at, Granule count) noexcept;
  Run trim_back(Granule at, Granule count) noexcept;

  // What is withheld not counted, in none of these.
  [[nodiscard]] std::uint64_t free_granules() const noexcept { return free_granules_; }
  // Of them, in holes.
  [[nodiscard]] std::uint64_t hole_granules() const noexcept { return hole_granules_; }
  // Segments that are one free run.
  [[nodiscard]] std::uint32_t whole_segments() const noexcept { return whole_segments_; }

  // For tests: the chunks of a segment tell the truth about their neighbours. Adds to `found` what is free and how many runs are open.
  struct Sums {
    std::uint64_t free = 0, holes = 0, linked = 0, open_runs = 0, withheld = 0;
  };
  [[nodiscard]] std::string verify_segment(Granule begin, Sums& found) const;
  // The same for the chunks from `at` to `end`, of which the first has no free one before it.
  [[nodiscard]] std::string verify_range(Granule at, Granule end, Sums& found) const;
  // The bins hold what they should, and as much as was found in all segments.
  [[nodiscard]] std::string verify_bins(const Sums& found) const;

 private:
  // All but short items.
  [[nodiscard]] static Chunk read_other(std::byte* chunk, std::uint32_t word) noexcept;

  static constexpr Granule kSmallestLinked = 4;  // header, two links, size again
  static constexpr std::uint32_t kExactBins = 128, kBinsPerDoubling = 32;
  static constexpr std::uint32_t kDoublings = std::bit_width(kMostSegmentGranules) - std::bit_width(kExactBins) + 1;
  static constexpr std::uint32_t kBins = kExactBins + kDoublings * kBinsPerDoubling;

  // Words of free chunks behind the first: of this class alone.
  [[nodiscard]] std::uint32_t& word(Granule at) const noexcept { return *reinterpret_cast<std::uint32_t*>(address(at)); }
  [[nodiscard]] std::atomic_ref<std::uint32_t> first_word(Granule at) const noexcept { return chunk_word(address(at)); }
  [[nodiscard]] std::uint32_t previous_free_bit(Granule at) const noexcept {
    return first_word(at).load(std::memory_order_relaxed) & ChunkWord::kPreviousFree;
  }
  [[nodiscard]] Granule free_size(Granule at) const noexcept {
    return first_word(at).load(std::memory_order_relaxed) & ChunkWord::FreeGranules::kMask;
  }
  // No granule of any segment is so near: a domain's addresses end some segments before.
  [[nodiscard]] Granule none_withheld() const noexcept { return Granule{0} - segment_granules_; }
  [[nodiscard]] bool is_withheld(Granule at) const noexcept { return at - withheld_begin_ < segment_granules_; }
  [[nodiscard]] bool ends_segment(Granule end) const noexcept { return end % segment_granules_ == 0; }
  [[nodiscard]] static std::uint32_t bin_of(Granule count) noexcept;
  [[nodiscard]] std::uint32_t next_bin(std::uint32_t from) const noexcept;
  void file(Granule at, Granule count) noexcept;
  void unfile(Granule at, Granule count) noexcept;
  void mark_free(Granule at, Granule count) noexcept;
  // Tells the chunk that begins there whether the one before it is free.
  void tell_next(Granule next, bool previous_free) noexcept;
  [[nodiscard]] std::string verify_bin(std::uint32_t bin, std::uint64_t& linked) const;

  std::byte* base_;
  Granule segment_granules_;
  Granule withheld_begin_;
  std::uint32_t whole_segments_ = 0;
  std::uint64_t free_granules_ = 0;
  std::uint64_t hole_granules_ = 0;
  std::array<std::uint64_t, (kBins + 63) / 64> filled_{};  // a bit for each bin that has a chunk
  std::array<Granule, kBins> heads_;
};

}  // namespace strata::cache
