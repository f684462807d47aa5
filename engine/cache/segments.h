#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/cache/segment_layout.h"
#include "engine/os/region.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// How the addresses of the items are divided: a slice for each domain, in which it opens segments, and behind them the addresses of large
// items, in blocks of a power of two of segments. Addresses cost nothing; only what is opened holds memory.
struct SegmentGeometry {
  std::uint32_t segment_bytes = 0;
  std::uint32_t domains = 1;
  std::uint32_t slice_segments = 0;
  std::uint32_t large_segments = 0;

  // For a limit on what is resident (0: none) on a machine of that memory: domains of about 256 MB; slices for twice the memory, so that
  // domains may be unequal; for large items four times the memory, because an item takes the addresses of whole segments.
  [[nodiscard]] static SegmentGeometry of(std::uint64_t limit_bytes, std::uint64_t machine_bytes) noexcept;
  // A page of headers: each slice begins with a page of its own.
  static constexpr std::uint32_t kSliceMultiple = 64;
  [[nodiscard]] std::uint32_t large_begin() const noexcept { return domains * slice_segments; }
  [[nodiscard]] std::uint32_t segments() const noexcept { return large_begin() + large_segments; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return std::uint64_t{segments()} * segment_bytes; }
};

// The memory that items live in: a region of addresses, and one header for each of its segments, out of line. Hands out segments for items
// of all sizes, and blocks of pages for large items; what is handed back is purged at once. What is resident is charged to the budget under
// Purpose::items: whole segments, of large items their pages, and the pages of headers that were ever used.
// The first segment is never handed out: offset 0 is no item, and a file will have its description there.
// Thread safety: all functions but start(), from any thread, except where they ask for a domain's lock.
class Segments {
 public:
  // `whole`: of what is held for all purposes; the limit is its limit, less what it says is held beside items. None: set_limit() alone counts.
  explicit Segments(Budget& budget, const Budget* whole = nullptr) noexcept : budget_(budget), whole_(whole) {}
  ~Segments();
  Segments(const Segments&) = delete;
  Segments& operator=(const Segments&) = delete;

  // Once, before all else. After a failure, of the system or because the geometry asks for more than Slot::kRegionLimit, nothing is held.
  [[nodiscard]] std::errc start(os::MemoryCalls& calls, const SegmentGeometry& geometry);

  [[nodiscard]] const SegmentGeometry& geometry() const noexcept { return geometry_; }
  [[nodiscard]] std::byte* base() const noexcept { return region_.base(); }
  [[nodiscard]] SegmentHeader& header(std::uint32_t segment) const noexcept { return headers_[segment]; }
  [[nodiscard]] std::uint32_t segment_of(std::uint64_t offset) const noexcept {
    return static_cast<std::uint32_t>(offset >> segment_shift_);
  }
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t segment) const noexcept { return std::uint64_t{segment} << segment_shift_; }
  [[nodiscard]] bool is_large(std::uint32_t segment) const noexcept { return segment >= geometry_.large_begin(); }
  [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }

  // A segment of the domain's slice, all of it resident as far as the books go; what lies in it is anything. 0: the limit does not allow it,
  // the slice is used up or the system refuses. The segment that was given back last comes first. REQUIRES: the domain's lock.
  [[nodiscard]] std::uint32_t open(std::uint32_t domain) noexcept STRATA_EXCLUDES(mutex_);
  // REQUIRES: nobody knows it any more, and the domain's lock is not held: purging takes its time.
  void give_back(std::uint32_t segment) noexcept STRATA_EXCLUDES(mutex_);

  // The first segment of a block for one item of so many bytes, of which only the pages that it needs are resident. 0 as above.
  [[nodiscard]] std::uint32_t open_large(std::uint64_t bytes) noexcept STRATA_EXCLUDES(mutex_);
  // Gives back its pages behind the first `bytes`. REQUIRES: the domain's lock.
  void shrink_large(std::uint32_t first, std::uint64_t bytes) noexcept STRATA_EXCLUDES(mutex_);
  // REQUIRES: as give_back().
  void give_back_large(std::uint32_t first) noexcept STRATA_EXCLUDES(mutex_);
  // Of the pages that are its own. REQUIRES: the domain's lock, or that nobody else knows it.
  [[nodiscard]] std::uint64_t large_bytes(std::uint32_t first) const noexcept { return resident_of(first); }

  // Most bytes that may be resident; what is above it already stays. ~0: none.
  void set_limit(std::uint64_t bytes) noexcept { limit_.store(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept;
  // What is resident above the limit, and beyond the part of a segment that may be.
  [[nodiscard]] std::uint64_t excess_bytes() const noexcept;

  struct Counters {
    std::uint64_t resident_bytes = 0;  // all that is charged
    std::uint64_t header_bytes = 0;    // of it, headers of segments
    std::uint64_t large_bytes = 0;     // of it, large items
    std::uint64_t unpurged_bytes = 0;  // of it, given back, but the system did not take it
    std::uint32_t segments = 0;        // open, of mixed sizes
    std::uint32_t large_blocks = 0;    // open
    std::uint64_t opened = 0;          // segments, since the start
    std::uint64_t given_back = 0;      // segments, since the start
    std::uint64_t refused = 0;         // times that the limit did not allow a segment or a block
    std::uint64_t failed = 0;          // times that the system did not, or that there were no addresses
  };
  [[nodiscard]] Counters counters() const noexcept STRATA_EXCLUDES(mutex_);

 private:
  struct Slice {
    std::uint32_t next = 0;        // the first that was never used
    std::uint32_t given_back = 0;  // the last one given back; the others behind it by `newer`. 0: none
  };
  static constexpr unsigned kOrders = 20;  // blocks of 1, 2, 4 and so on segments

  // Of large items; a segment may reach across the limit, or a small cache could not use its last part.
  [[nodiscard]] bool may_grow(std::uint64_t bytes) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool may_open() noexcept STRATA_REQUIRES(mutex_);
  void charge(std::int64_t bytes) noexcept STRATA_REQUIRES(mutex_);
  // The headers of a slice, or of the large addresses, that begin at `begin` are used up to `end` from now on.
  void charge_headers(std::uint32_t begin, std::uint32_t before, std::uint32_t end) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint32_t reopen(Slice& slice) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool commit_new(std::uint32_t segment) noexcept;

  [[nodiscard]] std::uint32_t take_unpurged(std::uint32_t block, std::uint64_t wanted) noexcept STRATA_REQUIRES(mutex_);
  void purge_again() noexcept STRATA_EXCLUDES(mutex_);
  void free_large(std::uint32_t first) noexcept STRATA_REQUIRES(mutex_);
  // Blocks of addresses: buddies (K. Knowlton, "A fast storage allocator", 1965).
  [[nodiscard]] std::uint32_t take_block(unsigned order) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint32_t take_new_block(unsigned order) noexcept STRATA_REQUIRES(mutex_);
  void free_block(std::uint32_t first, unsigned order) noexcept STRATA_REQUIRES(mutex_);
  void link_block(std::uint32_t first, unsigned order) noexcept STRATA_REQUIRES(mutex_);
  void unlink_block(std::uint32_t first, unsigned order) noexcept STRATA_REQUIRES(mutex_);

  [[nodiscard]] std::uint32_t pages_of(std::uint64_t bytes) const noexcept {
    return static_cast<std::uint32_t>((bytes + page_bytes_ - 1) / page_bytes_);
  }
  [[nodiscard]] std::uint32_t block_pages(std::uint32_t first) const noexcept {
    return headers_[first].run_segments * pages_of(geometry_.segment_bytes);
  }
  [[nodiscard]] std::uint64_t resident_of(std::uint32_t first) const noexcept {
    return std::uint64_t{block_pages(first) - headers_[first].purged_pages} * page_bytes_;
  }

  Budget& budget_;
  const Budget* whole_;
  os::Region region_;
  os::Region header_region_;
  SegmentHeader* headers_ = nullptr;
  SegmentGeometry geometry_;
  unsigned segment_shift_ = 0;
  std::size_t page_bytes_ = 1;
  std::atomic<std::uint64_t> limit_ = ~std::uint64_t{0};

  mutable sync::Mutex mutex_{sync::LockRank{.name = "segments", .order = 470}};
  std::vector<Slice> slices_ STRATA_GUARDED_BY(mutex_);
  std::array<std::uint32_t, kOrders> free_blocks_ STRATA_GUARDED_BY(mutex_){};  // by order: the first; the others by `newer`
  std::uint32_t next_large_ STRATA_GUARDED_BY(mutex_) = 0;                      // the first that was never used
  std::uint32_t unpurged_large_ STRATA_GUARDED_BY(mutex_) = 0;  // given back, still resident; the others by `newer`
  Counters counters_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::cache
