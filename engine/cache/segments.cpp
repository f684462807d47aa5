#include "engine/cache/segments.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>

#include "engine/cache/free_runs.h"
#include "engine/cache/index_layout.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kDomainBytes = 256 * kMiB;
constexpr std::size_t kHugePageBytes = 2 * kMiB;
static_assert(kHugePageBytes == std::size_t{FreeRuns::kMostSegmentGranules} * kGranuleBytes);

// The table in docs/architecture.md, "The sum".
std::uint32_t segment_bytes_for(std::uint64_t limit_bytes) noexcept {
  if (limit_bytes < 128 * kMiB) return 256U << 10U;
  return limit_bytes < 512 * kMiB ? 1U << 20U : 2U << 20U;
}

}  // namespace

SegmentGeometry SegmentGeometry::of(std::uint64_t limit_bytes, std::uint64_t machine_bytes) noexcept {
  const std::uint64_t most = Slot::kRegionLimit / 8;
  const std::uint64_t limit = std::clamp(limit_bytes == 0 ? machine_bytes : limit_bytes, kMiB, most);
  const std::uint64_t memory = std::clamp(machine_bytes, limit, most);
  SegmentGeometry geometry;
  geometry.segment_bytes = segment_bytes_for(limit);
  geometry.domains = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(limit / kDomainBytes, 1, 4096));
  // A domain numbers its granules in 32 bits.
  const std::uint64_t multiple = std::uint64_t{kSliceMultiple} * geometry.segment_bytes;
  const std::uint64_t slice =
      std::clamp(2 * memory / geometry.domains / multiple * multiple, multiple, (kGranuleBytes << 32U) - multiple);
  geometry.slice_segments = static_cast<std::uint32_t>(slice / geometry.segment_bytes);
  // A block for the largest item there is must fit.
  const std::uint64_t large = std::max<std::uint64_t>(4 * memory, 4096 * kMiB);
  geometry.large_segments = static_cast<std::uint32_t>(large / multiple * kSliceMultiple);
  return geometry;
}

std::errc Segments::start(os::MemoryCalls& calls, const SegmentGeometry& geometry) {
  assert(std::has_single_bit(geometry.segment_bytes) && geometry.segment_bytes <= kHugePageBytes);
  assert(geometry.slice_segments % SegmentGeometry::kSliceMultiple == 0);
  if (geometry.bytes() > Slot::kRegionLimit) return std::errc::invalid_argument;
  const std::size_t header_bytes = std::size_t{geometry.segments()} * sizeof(SegmentHeader);
  page_bytes_ = calls.page_bytes();
  std::errc failure = region_.reserve_anonymous(calls, geometry.bytes(), kHugePageBytes);
  if (failure == std::errc{}) failure = header_region_.reserve_anonymous(calls, header_bytes, page_bytes_);
  if (failure == std::errc{}) failure = header_region_.commit(0, header_bytes);
  if (failure != std::errc{}) {
    region_.release();
    header_region_.release();
    return failure;
  }
  // What is resident is what was touched, but for segments as large as a huge page. A kernel without huge pages refuses: as good.
  (void)region_.refuse_huge_pages(0, geometry.bytes());
  (void)header_region_.refuse_huge_pages(0, header_bytes);
  geometry_ = geometry;
  segment_shift_ = static_cast<unsigned>(std::countr_zero(geometry.segment_bytes));
  // Begins the life of the headers without touching them: their pages are zero, which is what a new header is.
  headers_ = reinterpret_cast<SegmentHeader*>(header_region_.base());
  const sync::MutexLock lock(mutex_);
  slices_.resize(geometry.domains);
  for (std::uint32_t domain = 0; domain < geometry.domains; ++domain) slices_[domain].next = domain * geometry.slice_segments;
  slices_[0].next = 1;
  next_large_ = geometry.large_begin();
  charge_headers(0, 0, 1);
  return {};
}

Segments::~Segments() {
  const sync::MutexLock lock(mutex_);
  charge(-static_cast<std::int64_t>(counters_.resident_bytes));
  region_.release();
  header_region_.release();
}

std::uint64_t Segments::limit() const noexcept {
  const std::uint64_t own = limit_.load(std::memory_order_relaxed);
  if (whole_ == nullptr || whole_->limit_bytes() == ~std::uint64_t{0}) return own;
  const std::uint64_t limit = whole_->limit_bytes(), beside = whole_->beside_items_bytes();
  return std::min(own, limit > beside ? limit - beside : 0);
}

std::uint64_t Segments::excess_bytes() const noexcept {
  const std::uint64_t limit = this->limit(), resident = budget_.bytes(Purpose::items);
  if (limit > resident) return 0;
  const std::uint64_t excess = resident - limit;
  return excess < geometry_.segment_bytes ? 0 : excess;
}

bool Segments::may_open() noexcept {
  // A cache that has nothing may have one, whatever the rest holds.
  const bool may = whole_ == nullptr ? counters_.resident_bytes + geometry_.segment_bytes <= limit()
                                     : counters_.resident_bytes < limit() || counters_.segments + counters_.large_blocks == 0;
  if (!may) ++counters_.refused;
  return may;
}

bool Segments::may_grow(std::uint64_t bytes) noexcept {
  // A page for a header is not asked for beforehand: it is one for 64 segments.
  const bool may = counters_.resident_bytes + bytes <= limit();
  if (!may) ++counters_.refused;
  return may;
}

void Segments::charge(std::int64_t bytes) noexcept {
  counters_.resident_bytes += static_cast<std::uint64_t>(bytes);
  budget_.charge(Purpose::items, bytes);
}

void Segments::charge_headers(std::uint32_t begin, std::uint32_t before, std::uint32_t end) noexcept {
  const auto pages = [&](std::uint32_t to) { return pages_of(std::uint64_t{to - begin} * sizeof(SegmentHeader)); };
  const std::uint64_t more = std::uint64_t{pages(end) - pages(before)} * page_bytes_;
  counters_.header_bytes += more;
  if (more != 0) charge(static_cast<std::int64_t>(more));
}

bool Segments::commit_new(std::uint32_t segment) noexcept {
  if (region_.commit(offset_of(segment), geometry_.segment_bytes) != std::errc{}) return false;
  // Advice: a dependent load of an item costs a fifth more without.
  if (geometry_.segment_bytes == kHugePageBytes) (void)region_.use_huge_pages(offset_of(segment), kHugePageBytes);
  return true;
}

// The one that was given back last, if the limit allows it.
std::uint32_t Segments::reopen(Slice& slice) noexcept {
  const std::uint32_t segment = slice.given_back;
  SegmentHeader& header = headers_[segment];
  if (header.purged_pages == 0) {
    counters_.unpurged_bytes -= geometry_.segment_bytes;
  } else if (may_open()) {
    charge(geometry_.segment_bytes);
  } else {
    return 0;
  }
  slice.given_back = header.newer;
  return segment;
}

std::uint32_t Segments::open(std::uint32_t domain) noexcept {
  const sync::MutexLock lock(mutex_);
  Slice& slice = slices_[domain];
  std::uint32_t segment = 0;
  if (slice.given_back != 0) {
    segment = reopen(slice);
    if (segment == 0) return 0;
  } else {
    if (!may_open()) return 0;
    const std::uint32_t begin = domain * geometry_.slice_segments;
    if (slice.next == begin + geometry_.slice_segments || !commit_new(slice.next)) {
      ++counters_.failed;
      return 0;
    }
    segment = slice.next++;
    charge(geometry_.segment_bytes);
    charge_headers(begin, segment, slice.next);
  }
  ++counters_.segments;
  ++counters_.opened;
  SegmentHeader& header = headers_[segment];
  header = {};
  header.domain = static_cast<std::uint16_t>(domain);
  header.state = SegmentState::mixed;
  return segment;
}

void Segments::give_back(std::uint32_t segment) noexcept {
  const bool purged = region_.purge(offset_of(segment), geometry_.segment_bytes) == std::errc{};
  const sync::MutexLock lock(mutex_);
  SegmentHeader& header = headers_[segment];
  header.purged_pages = purged ? pages_of(geometry_.segment_bytes) : 0;
  if (purged) {
    charge(-std::int64_t{geometry_.segment_bytes});
  } else {
    counters_.unpurged_bytes += geometry_.segment_bytes;
  }
  Slice& slice = slices_[segment / geometry_.slice_segments];
  header.newer = slice.given_back;
  slice.given_back = segment;
  --counters_.segments;
  ++counters_.given_back;
}

Segments::Counters Segments::counters() const noexcept {
  const sync::MutexLock lock(mutex_);
  return counters_;
}

}  // namespace strata::cache
