#include "engine/allocator/recycled_spans.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "engine/allocator/corruption.h"
#include "engine/allocator/granule_runs.h"
#include "engine/allocator/poison.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {
namespace {

constexpr std::uint32_t kSeveral = 1;

}  // namespace

Granules* RecycledSpans::new_granules() noexcept {
  if (unused_granules_ == nullptr) {
    Span* const slice = slices_->allocate(1, 1, SpanUse::allocator, false);
    if (slice == nullptr) return nullptr;
    auto* const place = reinterpret_cast<Granules*>(map_->start_of(*slice));
    for (std::size_t index = kSliceBytes / sizeof(Granules); index-- > 0;) {
      Granules* const made = std::construct_at(place + index);
      made->next_unused = unused_granules_;
      unused_granules_ = made;
    }
    statistics_.metadata_bytes += kSliceBytes;
  }
  Granules* const granules = unused_granules_;
  unused_granules_ = granules->next_unused;
  return std::construct_at(granules);
}

void RecycledSpans::file(Span& span) noexcept {
  const unsigned bin = GranuleBins::bin_of(span.granules->longest);
  bins_[bin].push_front(span);
  holds_something_[bin / 64].fetch_or(std::uint64_t{1} << (bin % 64), std::memory_order_relaxed);
}

void RecycledSpans::unfile(Span& span) noexcept {
  const unsigned bin = GranuleBins::bin_of(span.granules->longest);
  bins_[bin].remove(span);
  if (bins_[bin].empty()) holds_something_[bin / 64].fetch_and(~(std::uint64_t{1} << (bin % 64)), std::memory_order_relaxed);
}

void RecycledSpans::set_longest(Span& span, std::uint32_t granules) noexcept {
  if (GranuleBins::bin_of(granules) == GranuleBins::bin_of(span.granules->longest)) {
    span.granules->longest = granules;
    return;
  }
  unfile(span);
  span.granules->longest = granules;
  file(span);
}

bool RecycledSpans::add(Span& span) noexcept {
  const sync::MutexLock lock(mutex_);
  Granules* const granules = new_granules();
  if (granules == nullptr) return false;
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  const SharedWord freed = span.shared.exchange(SharedWord(nullptr, 0, Possession::recycled), std::memory_order_acq_rel);
  const auto step = static_cast<std::uint32_t>(span.block_bytes / Granules::kBytes);
  granules->set_used(0, span.carved * step, true);
  for (std::uint32_t block = 0; block < span.carved; ++block) granules->set_start(block * step);
  std::byte* const start = map_->start_of(span);
  for (const Block* list : {static_cast<const Block*>(span.free_list), static_cast<const Block*>(freed.list())}) {
    for (; list != nullptr; list = list->next) {
      const auto first = static_cast<std::uint32_t>((reinterpret_cast<const std::byte*>(list) - start) /
                                                    static_cast<std::ptrdiff_t>(Granules::kBytes));
      granules->set_used(first, first + step, false);
      granules->clear_start(first);
    }
  }
  note_free(free_pages(*granules));
  granules->used_count = (span.used - freed.count()) * step;
  granules->longest = GranuleRuns::longest(*granules);
  span.free_list = nullptr;
  span.granules = granules;
  ++statistics_.spans;
  ++statistics_.recycled;
  statistics_.used_bytes += granules->used_count * Granules::kBytes;
  file(span);
  return true;
}

Span* RecycledSpans::first_with(std::uint32_t granules) noexcept {
  if (granules > Granules::kCount) return nullptr;
  for (unsigned bin = GranuleBins::bin_of(granules); bin < kBins;) {
    const std::uint64_t bits = holds_something_[bin / 64].load(std::memory_order_relaxed) >> (bin % 64);
    if (bits == 0) {
      bin = (bin / 64 + 1) * 64;
      continue;
    }
    bin += static_cast<unsigned>(std::countr_zero(bits));
    Span* const span = bins_[bin].first();
    // Above the exact bins a bin has some that are a little too short.
    if (span->granules->longest >= granules) return span;
    ++bin;
  }
  return nullptr;
}

// From the lowest places on, so that what stays free lies together.
std::uint32_t RecycledSpans::take_from(Span& span, std::uint32_t granules, void** blocks, std::uint32_t count) noexcept {
  Granules& map = *span.granules;
  GranuleRuns runs(map, granules);
  std::byte* const start = map_->start_of(span);
  std::uint32_t taken = 0;
  for (std::uint32_t first = runs.next(0); first < Granules::kCount && taken < count; ++taken) {
    const std::uint32_t end = first + granules;
    if (map.longest >= page_granules_) note_used_from_hole(map, first, end);
    map.set_used(first, end, true);
    map.set_start(first);
    runs.use(first);
    blocks[taken] = start + first * Granules::kBytes;
    unpoison(blocks[taken], granules * Granules::kBytes);
    first = runs.next(end);
  }
  if (taken < count) set_longest(span, runs.longest_below());
  map.used_count += taken * granules;
  statistics_.used_bytes += std::uint64_t{taken} * granules * Granules::kBytes;
  statistics_.blocks += taken;
  ++statistics_.searches;
  return taken;
}

std::uint32_t RecycledSpans::take(SizeClass size_class, void** blocks, std::uint32_t count) noexcept {
  const auto granules = static_cast<std::uint32_t>(class_bytes(size_class) / Granules::kBytes);
  const auto any = [](const sync::Atomic<std::uint64_t>& word) { return word.load(std::memory_order_relaxed) != 0; };
  if (std::none_of(holds_something_.begin(), holds_something_.end(), any)) return 0;
  const sync::MutexLock lock(mutex_);
  std::uint32_t taken = 0;
  // Holes for several first, as long as there are any: a round over a span costs the same for one block.
  for (std::uint32_t several = kSeveral; several > 0 && taken < count;) {
    Span* const span = first_with(granules * several);
    if (span == nullptr) {
      several /= 2;
      continue;
    }
    taken += take_from(*span, granules, blocks + taken, count - taken);
  }
  return taken;
}

// False: no block begins there.
bool RecycledSpans::free_one(Granules& granules, std::uint32_t first, std::uint32_t& longest) noexcept {
  if (!granules.starts_at(first)) return false;
  const std::uint32_t end = granules.end_of_block(first);
  granules.set_used(first, end, false);
  granules.clear_start(first);
  granules.used_count -= end - first;
  statistics_.used_bytes -= std::uint64_t{end - first} * Granules::kBytes;
  const std::uint32_t hole_begin = granules.begin_of_run(first);
  const std::uint32_t hole_end = granules.find_used(end, true);
  if (hole_end - hole_begin >= page_granules_) note_free(whole_pages(hole_begin, hole_end) & touched_pages(first, end));
  longest = std::max(longest, hole_end - hole_begin);
  return true;
}

void RecycledSpans::free(void* const* blocks, std::uint32_t count) noexcept {
  const sync::MutexLock lock(mutex_);
  for (std::uint32_t index = 0; index < count; ++index) free_in(*map_->entry_of(blocks[index]), blocks[index]);
}

void RecycledSpans::free_in(Span& span, void* block) noexcept {
  // Not so any more where a block is freed twice and was the last.
  const bool is_recycled = span.shared.load(std::memory_order_relaxed).possession() == Possession::recycled;
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(block) - map_->start_of(span));
  std::uint32_t longest = is_recycled ? span.granules->longest : 0;
  const std::uint32_t used_before = is_recycled ? span.granules->used_count : 0;
  if (!is_recycled || offset % Granules::kBytes != 0 ||
      !free_one(*span.granules, static_cast<std::uint32_t>(offset / Granules::kBytes), longest))
    return report_corruption({.kind = Corruption::invalid_free, .address = block});
  poison_block(block, (used_before - span.granules->used_count) * Granules::kBytes);
  if (span.granules->used_count != 0) {
    set_longest(span, longest);
    if (too_many_free_pages()) purge_pages(span);
    return;
  }
  unfile(span);
  note_used(*span.granules, whole_pages(0, Granules::kCount));
  span.granules->next_unused = unused_granules_;
  unused_granules_ = span.granules;
  span.granules = nullptr;
  span.shared.store(SharedWord(), std::memory_order_relaxed);
  --statistics_.spans;
  slices_->free(span);
}

std::size_t RecycledSpans::block_bytes(const Span& span, const void* address) noexcept {
  const sync::MutexLock lock(mutex_);
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - map_->start_of(span));
  const auto first = static_cast<std::uint32_t>(offset / Granules::kBytes);
  if (offset % Granules::kBytes != 0 || !span.granules->starts_at(first)) return 0;
  return std::size_t{span.granules->end_of_block(first) - first} * Granules::kBytes;
}

RecycledStatistics RecycledSpans::statistics() noexcept {
  const sync::MutexLock lock(mutex_);
  return statistics_;
}

}  // namespace strata::allocator
