// Whole pages in the holes of recycled spans: counted as blocks come and go, and given back to the system where there are many.
#include <bit>

#include "engine/allocator/recycled_spans.h"

namespace strata::allocator {
namespace {

// Resident free pages that are kept: for blocks to come, and so that a page that fills and empties by turns costs no calls.
constexpr std::uint64_t kKeptShare = 64;  // one part in
constexpr std::uint64_t kLeastKeptBytes = std::uint64_t{256} << 10;

// Bits [from, to).
constexpr std::uint32_t bits(std::size_t from, std::size_t to) noexcept {
  const auto below = [](std::size_t bit) { return static_cast<std::uint32_t>((std::uint64_t{1} << bit) - 1); };
  return from < to ? below(to) & ~below(from) : 0;
}

}  // namespace

RecycledSpans::Pages RecycledSpans::whole_pages(std::uint32_t begin, std::uint32_t end) const noexcept {
  return bits((begin + page_granules_ - 1) / page_granules_, end / page_granules_);
}

RecycledSpans::Pages RecycledSpans::touched_pages(std::uint32_t begin, std::uint32_t end) const noexcept {
  return bits(begin / page_granules_, (end + page_granules_ - 1) / page_granules_);
}

RecycledSpans::Pages RecycledSpans::free_pages(const Granules& granules) const noexcept {
  Pages pages = 0;
  for (std::uint32_t begin = granules.find_used(0, false); begin < Granules::kCount;) {
    const std::uint32_t end = granules.find_used(begin, true);
    pages |= whole_pages(begin, end);
    begin = granules.find_used(end, false);
  }
  return pages;
}

// Pages that have just become free altogether.
void RecycledSpans::note_free(Pages pages) noexcept {
  statistics_.free_page_bytes += static_cast<std::uint64_t>(std::popcount(pages)) * map_->page_bytes();
}

// Pages that were free altogether and are not any more.
void RecycledSpans::note_used(Granules& granules, Pages pages) noexcept {
  const auto bytes_of = [this](Pages some) { return static_cast<std::uint64_t>(std::popcount(some)) * map_->page_bytes(); };
  statistics_.free_page_bytes -= bytes_of(pages & ~granules.purged);
  statistics_.purged_page_bytes -= bytes_of(pages & granules.purged);
  granules.purged &= ~pages;
}

void RecycledSpans::note_used_from_hole(Granules& granules, std::uint32_t first, std::uint32_t end) noexcept {
  const std::uint32_t hole_begin = granules.begin_of_run(first);
  const std::uint32_t hole_end = granules.find_used(end, true);
  if (hole_end - hole_begin >= page_granules_) note_used(granules, whole_pages(hole_begin, hole_end) & touched_pages(first, end));
}

bool RecycledSpans::too_many_free_pages() const noexcept {
  return statistics_.free_page_bytes > kLeastKeptBytes && statistics_.free_page_bytes > statistics_.used_bytes / kKeptShare;
}

void RecycledSpans::purge_pages(Span& span) noexcept {
  Granules& granules = *span.granules;
  const std::size_t page_bytes = map_->page_bytes();
  Pages pages = free_pages(granules) & ~granules.purged;
  while (pages != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(pages));
    const auto count = static_cast<unsigned>(std::countr_one(pages >> first));
    const Pages run = bits(first, first + count);
    pages &= ~run;
    ++statistics_.purge_calls;
    if (map_->memory().purge((std::size_t{map_->number_of(span)} << kSliceShift) + first * page_bytes, count * page_bytes) !=
        std::errc{}) {
      ++statistics_.purge_failures;
      continue;
    }
    granules.purged |= run;
    statistics_.free_page_bytes -= count * page_bytes;
    statistics_.purged_page_bytes += count * page_bytes;
    statistics_.purged_bytes += count * page_bytes;
  }
}

void RecycledSpans::purge_all() noexcept {
  const sync::MutexLock lock(mutex_);
  for (unsigned bin = GranuleBins::bin_of(page_granules_); bin < kBins; ++bin) {
    for (Span* span = bins_[bin].first(); span != nullptr; span = span->next) purge_pages(*span);
  }
}

}  // namespace strata::allocator
