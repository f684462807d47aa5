#pragma once

#include <array>
#include <cstdint>

#include "engine/allocator/granules.h"
#include "engine/allocator/slice_allocator.h"
#include "engine/sync/atomic.h"
#include "engine/sync/mutex.h"

namespace strata::allocator {

struct RecycledStatistics {
  std::uint64_t spans = 0;              // now
  std::uint64_t recycled = 0;           // since the start
  std::uint64_t blocks = 0;             // taken from their holes
  std::uint64_t searches = 0;           // rounds over a span for that
  std::uint64_t used_bytes = 0;         // of blocks in them
  std::uint64_t free_page_bytes = 0;    // whole pages in holes, still resident
  std::uint64_t purged_page_bytes = 0;  // whole pages in holes, given back to the system
  std::uint64_t purged_bytes = 0;       // since the start
  std::uint64_t purge_calls = 0;
  std::uint64_t purge_failures = 0;
  std::uint64_t metadata_bytes = 0;
};

// Spans of one slice whose class is not asked for any more while some of its blocks stay. Where sizes drift, a few survivors would keep
// whole spans from every other use; here the holes between them serve blocks of all classes. A bit map says what is free,
// so holes join by themselves. Slower than a span of one class (a lock for a batch of blocks, a search in 512 bytes of bits), so heaps come here only
// when they would take fresh slices otherwise.
//
// Spans are filed by the length of their longest hole; a request takes the first that is long enough, after Masmano and others,
// "TLSF", 2004, and within a span the next hole that fits.
//
// Whole pages in holes go back to the system when they are more than one part in 64 of what the blocks use; then each span that gets
// blocks back gives up its own.
// Thread safety: all functions, from any thread.
class RecycledSpans {
 public:
  constexpr RecycledSpans() = default;

  // Once, before anything else.
  void start(SliceMap& map, SliceAllocator& slices) noexcept {
    map_ = &map;
    page_granules_ = static_cast<std::uint32_t>(map.page_bytes() / Granules::kBytes);
    slices_ = &slices;
  }

  // Only classes of whole granules can be recycled or taken.
  [[nodiscard]] static constexpr bool fits(SizeClass size_class) noexcept {
    return slices_of_class(size_class) == 1 && class_bytes(size_class) % Granules::kBytes == 0;
  }

  // Takes a span over. REQUIRES: it is `owned` by the caller's heap, in no list, and its class fits. False: no memory, nothing has changed.
  [[nodiscard]] bool add(Span& span) noexcept;
  // Up to `count` blocks of a class that fits, aligned to 16 bytes. Returns how many.
  [[nodiscard]] std::uint32_t take(SizeClass size_class, void** blocks, std::uint32_t count) noexcept;
  // REQUIRES: they lie in recycled spans.
  void free(void* const* blocks, std::uint32_t count) noexcept;
  // Gives back all whole pages in holes.
  void purge_all() noexcept;
  // Of a block in use in a recycled span; 0 if no block begins there.
  [[nodiscard]] std::size_t block_bytes(const Span& span, const void* address) noexcept;

  [[nodiscard]] RecycledStatistics statistics() noexcept;
  [[nodiscard]] const RecycledStatistics& statistics_locked() const noexcept STRATA_REQUIRES(mutex_) { return statistics_; }
  [[nodiscard]] sync::Mutex& mutex() noexcept STRATA_RETURN_CAPABILITY(mutex_) { return mutex_; }

 private:
  static constexpr unsigned kBins = GranuleBins::kBins;
  static constexpr unsigned kWords = (kBins + 63) / 64;

  // Sets of pages of a span, a bit each.
  using Pages = std::uint32_t;

  [[nodiscard]] Granules* new_granules() noexcept STRATA_REQUIRES(mutex_);
  // Pages of which every granule lies in [begin, end), and those of which some do.
  [[nodiscard]] Pages whole_pages(std::uint32_t begin, std::uint32_t end) const noexcept;
  [[nodiscard]] Pages touched_pages(std::uint32_t begin, std::uint32_t end) const noexcept;
  [[nodiscard]] Pages free_pages(const Granules& granules) const noexcept;
  void note_free(Pages pages) noexcept STRATA_REQUIRES(mutex_);
  void note_used(Granules& granules, Pages pages) noexcept STRATA_REQUIRES(mutex_);
  // [first, end) of a hole is about to be used.
  void note_used_from_hole(Granules& granules, std::uint32_t first, std::uint32_t end) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool too_many_free_pages() const noexcept STRATA_REQUIRES(mutex_);
  void purge_pages(Span& span) noexcept STRATA_REQUIRES(mutex_);
  void file(Span& span) noexcept STRATA_REQUIRES(mutex_);
  void unfile(Span& span) noexcept STRATA_REQUIRES(mutex_);
  void set_longest(Span& span, std::uint32_t granules) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Span* first_with(std::uint32_t granules) noexcept STRATA_REQUIRES(mutex_);
  std::uint32_t take_from(Span& span, std::uint32_t granules, void** blocks, std::uint32_t count) noexcept
      STRATA_REQUIRES(mutex_);
  void free_in(Span& span, void* block) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool free_one(Granules& granules, std::uint32_t first, std::uint32_t& longest) noexcept STRATA_REQUIRES(mutex_);

  sync::Mutex mutex_{sync::LockRank{.name = "recycled spans", .order = 850}};
  SliceMap* map_ = nullptr;
  std::uint32_t page_granules_ = 0;  // a page
  SliceAllocator* slices_ = nullptr;
  std::array<SpanList, kBins> bins_ STRATA_GUARDED_BY(mutex_){};
  // Readable without the lock: whether there is anything to look for.
  std::array<sync::Atomic<std::uint64_t>, kWords> holds_something_{};
  Granules* unused_granules_ STRATA_GUARDED_BY(mutex_) = nullptr;
  RecycledStatistics statistics_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::allocator
