#include "engine/allocator/slice_allocator.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "engine/allocator/poison.h"

namespace strata::allocator {
namespace {

constexpr std::uint64_t bytes_of(std::uint64_t slices) noexcept { return slices << kSliceShift; }

}  // namespace

bool SliceAllocator::within_limit(std::uint32_t more_slices) const noexcept {
  return std::uint64_t{in_use_} + dirty_free_ + more_slices <= limit_;
}

Span* SliceAllocator::allocate(std::uint32_t slices, std::uint32_t alignment, SpanUse use, bool mark_tails,
                               std::uint32_t room) noexcept {
  assert(slices > 0);
  const sync::MutexLock lock(mutex_);
  if (!within_limit(slices)) {
    purge(dirty_free_);
    if (!within_limit(slices)) {
      ++refused_;
      return nullptr;
    }
  }
  Span* span = take_range(slices, alignment, room);
  if (span == nullptr) span = take_from_frontier(slices, alignment);
  if (span == nullptr) return nullptr;
  set_up(*span, slices, use, mark_tails);
  return span;
}

// Cuts [first, first + slices), aligned, out of the best range.
Span* SliceAllocator::take_range(std::uint32_t slices, std::uint32_t alignment, std::uint32_t room) noexcept {
  if (slices > std::numeric_limits<std::uint32_t>::max() - alignment) return nullptr;
  Span* range = room > slices ? ranges_.best_fit(room) : nullptr;
  if (range == nullptr) range = ranges_.best_fit(slices + alignment - 1);
  if (range == nullptr) return nullptr;
  const std::uint32_t begin = map_->number_of(*range);
  const std::uint32_t end = begin + range->slices;
  const auto first = static_cast<std::uint32_t>(map_->align_up(begin, alignment));
  ranges_.remove(*map_, *range);
  if (first > begin) ranges_.insert(*map_, begin, first - begin);
  if (first + slices < end) ranges_.insert(*map_, first + slices, end - first - slices);
  return map_->entry(first);
}

// From the part that was never used, together with the free range before it, if there is one.
Span* SliceAllocator::take_from_frontier(std::uint32_t slices, std::uint32_t alignment) noexcept {
  std::uint32_t begin = frontier_;
  Span* last = begin > 0 ? map_->entry(begin - 1) : nullptr;
  if (last != nullptr && last->use == SpanUse::free) begin = last->first_slice;
  const std::uint64_t first = map_->align_up(begin, alignment);
  const std::uint64_t end = first + slices;
  if (end > map_->slices() || map_->commit_through(static_cast<std::uint32_t>(end - 1)) != std::errc{}) return nullptr;
  if (begin < frontier_) ranges_.remove(*map_, *map_->entry(begin));
  if (first > begin) ranges_.insert(*map_, begin, static_cast<std::uint32_t>(first) - begin);
  // The range before may have been long enough as it lies, though not for any alignment.
  if (end < frontier_) ranges_.insert(*map_, static_cast<std::uint32_t>(end), frontier_ - static_cast<std::uint32_t>(end));
  frontier_ = std::max(frontier_, static_cast<std::uint32_t>(end));
  return map_->entry(static_cast<std::uint32_t>(first));
}

void SliceAllocator::take_slices(std::uint32_t first, std::uint32_t end) noexcept {
  dirty_free_ -= map_->dirty().count(first, end);
  lowest_dirty_ = std::min(lowest_dirty_, dirty_free_);
  in_use_ += end - first;
  unpoison(map_->memory().base() + bytes_of(first), bytes_of(end - first));
}

void SliceAllocator::set_up(Span& span, std::uint32_t slices, SpanUse use, bool mark_tails) noexcept {
  const std::uint32_t first = map_->number_of(span);
  take_slices(first, first + slices);
  span.use = use;
  span.slices = slices;
  span.first_slice = first;
  // No blocks yet, whatever it was before: walks may come before its user has said what it is now.
  span.capacity = 0;
  span.large_bytes = 0;
  span.shared.store(SharedWord(), std::memory_order_relaxed);
  if (!mark_tails) return;
  for (std::uint32_t slice = first + 1; slice < first + slices; ++slice) {
    map_->entry(slice)->use = SpanUse::tail;
    map_->entry(slice)->first_slice = first;
  }
}

void SliceAllocator::free(Span& span, bool touched) noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint32_t first = map_->number_of(span);
  const std::uint32_t end = first + span.slices;
  if (span.use == SpanUse::blocks) {
    for (std::uint32_t slice = first + 1; slice < end; ++slice) map_->entry(slice)->use = SpanUse::none;
  }
  span.use = SpanUse::none;
  release_slices(first, end, touched);
}

void SliceAllocator::release_slices(std::uint32_t first, std::uint32_t end, bool touched) noexcept {
  if (touched) {
    map_->dirty().set(first, end);
    dirty_free_ += end - first;
  } else {
    map_->dirty().clear(first, end);
  }
  in_use_ -= end - first;
  poison(map_->memory().base() + bytes_of(first), bytes_of(end - first));
  file_joined(first, end);
}

void SliceAllocator::file_joined(std::uint32_t first, std::uint32_t end) noexcept {
  if (first > 0) {
    const Span& before = *map_->entry(first - 1);
    if (before.use == SpanUse::free) {
      first = before.first_slice;
      ranges_.remove(*map_, *map_->entry(first));
    }
  }
  if (end < frontier_) {
    Span& after = *map_->entry(end);
    if (after.use == SpanUse::free) {
      end += after.slices;
      ranges_.remove(*map_, after);
    }
  }
  ranges_.insert(*map_, first, end - first);
}

bool SliceAllocator::extend(Span& span, std::uint32_t slices) noexcept {
  assert(slices > span.slices);
  const sync::MutexLock lock(mutex_);
  const std::uint32_t more = slices - span.slices;
  const std::uint32_t end = map_->number_of(span) + span.slices;
  if (!within_limit(more)) return false;
  if (end < frontier_) {
    Span& after = *map_->entry(end);
    const std::uint32_t length = after.slices;
    const bool reaches_frontier = end + length == frontier_;
    if (after.use != SpanUse::free || (length < more && !reaches_frontier)) return false;
    if (length < more && (std::uint64_t{end} + more > map_->slices() || map_->commit_through(end + more - 1) != std::errc{}))
      return false;
    ranges_.remove(*map_, after);
    if (length > more) ranges_.insert(*map_, end + more, length - more);
  } else if (std::uint64_t{end} + more > map_->slices() || map_->commit_through(end + more - 1) != std::errc{}) {
    return false;
  }
  frontier_ = std::max(frontier_, end + more);
  take_slices(end, end + more);
  span.slices = slices;
  return true;
}

void SliceAllocator::shorten(Span& span, std::uint32_t slices) noexcept {
  assert(slices > 0 && slices <= span.slices);
  if (slices == span.slices) return;
  const sync::MutexLock lock(mutex_);
  const std::uint32_t first = map_->number_of(span);
  const std::uint32_t end = first + span.slices;
  span.slices = slices;
  release_slices(first + slices, end, true);
}

// Gives dirty slices of a filed range back, from its end, at most `most`. Returns how many.
std::uint32_t SliceAllocator::purge_range(Span& range, std::uint32_t most) noexcept {
  const std::uint32_t first = map_->number_of(range);
  const std::uint32_t end = first + range.slices;
  std::uint32_t purged = 0;
  std::uint32_t from = map_->dirty().find(first, end, true);
  // Ranges that hold more than is wanted lose the part behind: new spans are cut from the front.
  for (std::uint32_t surplus = map_->dirty().count(first, end); surplus > most && from < end;) {
    const std::uint32_t run_end = map_->dirty().find(from, end, false);
    const std::uint32_t skipped = std::min(surplus - most, run_end - from);
    surplus -= skipped;
    from = map_->dirty().find(from + skipped, end, true);
  }
  while (from < end) {
    const std::uint32_t run_end = map_->dirty().find(from, end, false);
    ++purge_calls_;
    if (map_->memory().purge(bytes_of(from), bytes_of(run_end - from)) == std::errc{}) {
      map_->dirty().clear(from, run_end);
      purged += run_end - from;
    } else {
      ++purge_failures_;
    }
    from = map_->dirty().find(run_end, end, true);
  }
  dirty_free_ -= purged;
  purged_ += purged;
  return purged;
}

// Longest ranges first: they are the least likely to be needed whole, and cost the fewest calls.
void SliceAllocator::purge(std::uint32_t slices) noexcept {
  unsigned bin = FreeRanges::kBins - 1;
  for (Span* range = ranges_.first_at_or_below(bin); range != nullptr && slices > 0;) {
    const std::uint32_t purged = purge_range(*range, slices);
    slices -= std::min(slices, purged);
    range = range->next;
    while (range == nullptr && bin-- > 0) {
      range = ranges_.first_at_or_below(bin);
      if (range == nullptr) break;
    }
  }
  lowest_dirty_ = std::min(lowest_dirty_, dirty_free_);
}

void SliceAllocator::tick(std::uint64_t now_ns) noexcept {
  if (now_ns < window_end_ns_.load(std::memory_order_relaxed)) return;
  const sync::MutexLock lock(mutex_);
  if (now_ns < window_end_ns_.load(std::memory_order_relaxed)) return;
  window_end_ns_.store(now_ns + window_ns_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  const std::uint32_t unneeded = lowest_dirty_ <= kLeastPurgeSlices ? lowest_dirty_ : lowest_dirty_ / 2;
  if (unneeded > 0) purge(unneeded);
  lowest_dirty_ = dirty_free_;
}

void SliceAllocator::purge_all() noexcept {
  const sync::MutexLock lock(mutex_);
  purge(dirty_free_);
}

void SliceAllocator::set_limit(std::uint64_t bytes) noexcept {
  const sync::MutexLock lock(mutex_);
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint32_t>::max();
  limit_bytes_ = bytes;
  limit_ = static_cast<std::uint32_t>(bytes == 0 ? kNone : std::min(kNone, bytes >> kSliceShift));
}

std::uint64_t SliceAllocator::limit_bytes() noexcept {
  const sync::MutexLock lock(mutex_);
  return limit_bytes_;
}

std::uint64_t SliceAllocator::refused() noexcept {
  const sync::MutexLock lock(mutex_);
  return refused_;
}

SliceStatistics SliceAllocator::statistics() noexcept {
  const sync::MutexLock lock(mutex_);
  return statistics_locked();
}

SliceStatistics SliceAllocator::statistics_locked() const noexcept {
  return {.reserved_bytes = bytes_of(map_->slices()),
          .committed_bytes = bytes_of(map_->committed_slices()),
          .in_use_bytes = bytes_of(in_use_),
          .dirty_free_bytes = bytes_of(dirty_free_),
          .purged_bytes = bytes_of(purged_),
          .purge_calls = purge_calls_,
          .purge_failures = purge_failures_,
          .metadata_bytes = std::uint64_t{frontier_} * sizeof(Span),
          .limit_bytes = limit_bytes_,
          .refused = refused_,
          .lock_contentions = mutex_.contentions()};
}

std::uint32_t SliceAllocator::frontier() noexcept {
  const sync::MutexLock lock(mutex_);
  return frontier_;
}

}  // namespace strata::allocator
