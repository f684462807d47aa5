#include "engine/cache/item_domain.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace strata::cache {

ItemDomain::ItemDomain(Segments& segments, std::uint32_t number) noexcept
    : segments_(segments),
      number_(number),
      base_(segments.offset_of(number * segments.geometry().slice_segments)),
      runs_(segments.base() + base_, static_cast<Granule>(segments.geometry().segment_bytes / kGranuleBytes)) {}

// From here on the best hole is worth more than the lock costs: 2 % of what is open. Where nothing else is to be had any is: a run leaves a rest that
// its own last granule makes too short for one more of the items it was cut into, 6 % in the long run.
bool ItemDomain::holes_are_plenty() const noexcept {
  return is_short_ ? runs_.hole_granules() != 0 : runs_.hole_granules() > granules_ / 50 + kRunGranules;
}

ItemDomain::Granule ItemDomain::take(Granule found, Granule count) noexcept {
  header_at(found).free_granules -= count;
  return runs_.take(found, count);
}

ItemDomain::Granule ItemDomain::open_segment() noexcept {
  const std::uint32_t segment = segments_.open(number_);
  is_short_ = segment == 0;
  if (is_short_) return kNone;
  segments_.header(segment).free_granules = runs_.segment_granules();
  granules_ += runs_.segment_granules();
  link(segment);
  runs_.add_segment(segment_begin(segment));
  return segment_begin(segment);
}

std::uint64_t ItemDomain::allocate(ItemRun& run, std::uint32_t granules, bool may_open) noexcept {
  const sync::MutexLock lock(mutex_);
  if (granules <= kSmallGranules) return allocate_small(run, granules, may_open);
  Granule found = runs_.find(granules);
  if (found == kNone && may_open) found = open_segment();
  if (found == kNone) return 0;
  ++counted_.allocations;
  return offset_of(take(found, granules));
}

std::uint64_t ItemDomain::allocate_hole(std::uint32_t granules) noexcept {
  const sync::MutexLock lock(mutex_);
  const Granule found = runs_.find(granules);
  return found == kNone ? 0 : take_hole(found, granules);
}

// Where memory is short what a run leaves lies idle until what is beside it goes: one item of so many at most.
bool ItemDomain::is_worth_a_run(Granule found, Granule count) const noexcept {
  constexpr Granule kLeastItems = 64;
  return !is_short_ || runs_.chunk(found).size >= kLeastItems * count;
}

std::uint64_t ItemDomain::allocate_small(ItemRun& run, Granule count, bool may_open) noexcept {
  if (holes_are_plenty()) {
    const Granule hole = runs_.find(count);
    if (hole != kNone && runs_.chunk(hole).size < FreeRuns::kHoleGranules) return take_hole(hole, count);
  }
  Granule found = runs_.find(kRunGranules);
  if (found == kNone) found = runs_.find(FreeRuns::kHoleGranules);
  if (found != kNone && is_worth_a_run(found, count)) return begin_run(run, found, count);
  found = runs_.find(count);
  if (found != kNone) return take_hole(found, count);
  if (may_open) found = open_segment();
  return found == kNone ? 0 : begin_run(run, found, count);
}

std::uint64_t ItemDomain::take_hole(Granule found, Granule count) noexcept {
  ++counted_.allocations;
  ++counted_.hole_hits;
  return offset_of(take(found, count));
}

std::uint64_t ItemDomain::begin_run(ItemRun& run, Granule found, Granule count) noexcept {
  assert(!run.is_open());
  const Granule whole = runs_.chunk(found).size;
  // So long that items of this size leave nothing: what they do leave lies in front of them, and behind the run before, until one of both goes.
  const Granule most = whole < 2 * kRunGranules ? whole : kRunGranules;
  const Granule fitting = (most - 1) / count * count + 1;
  // After the first of them something is left: who closes a run writes the first word of its rest.
  const Granule total = fitting > 2 * count ? fitting : most;
  const Granule at = take(found, total);
  runs_.open_run(at, total);
  ++counted_.runs_taken;
  run.domain_ = this;
  run.front_ = offset_of(at);
  run.total_ = total;
  run.previous_ = nullptr;
  run.next_ = open_runs_;
  if (open_runs_ != nullptr) open_runs_->previous_ = &run;
  open_runs_ = &run;
  // The first item, before the thread goes on without the lock. The last granule of the run is not its own.
  static_assert(kSmallGranules + 2 <= FreeRuns::kHoleGranules);
  const Granule left = total - 1 - count;
  chunk_word(runs_.address(at + left)).store(ChunkWord::reserved(count), std::memory_order_relaxed);
  run.left_.store(left, std::memory_order_release);
  run.cuts_.store(1, std::memory_order_relaxed);
  return run.last_cut();
}

void ItemDomain::forget_run(ItemRun& run) noexcept {
  (run.previous_ == nullptr ? open_runs_ : run.previous_->next_) = run.next_;
  if (run.next_ != nullptr) run.next_->previous_ = run.previous_;
  counted_.allocations += run.cuts_.load(std::memory_order_relaxed);
  run.cuts_.store(0, std::memory_order_relaxed);
  run.left_.store(0, std::memory_order_relaxed);
  run.front_ = 0;
  run.total_ = 0;
  run.domain_ = nullptr;
}

std::uint64_t ItemDomain::take_rest(ItemRun& run) noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint64_t offset = run.front_;
  const Granule at = granule_of(offset), total = run.total_;
  run.count_cut();
  const FreeRuns::Run freed = runs_.close_run(at, total, run.left_.load(std::memory_order_relaxed));
  forget_run(run);
  count_freed(1, freed);
  return offset;
}

void ItemDomain::close(ItemRun& run) noexcept {
  Emptied emptied;
  {
    const sync::MutexLock lock(mutex_);
    const Granule at = granule_of(run.front_), total = run.total_, left = run.left_.load(std::memory_order_relaxed);
    forget_run(run);
    count_freed(1, runs_.close_run(at, total, left));
    free_run({.begin = at, .size = runs_.chunk(at).size}, emptied);
  }
  give_back(emptied);
}

void ItemDomain::add_large(std::uint32_t first) noexcept {
  const sync::MutexLock lock(mutex_);
  SegmentHeader& header = segments_.header(first);
  header.free_granules = 0;
  header.domain = static_cast<std::uint16_t>(number_);
  header.state = SegmentState::large;
  header.earliest_expiry_ms = kNoExpiry;
  header.no_walk_before_ms = 0;
  chunk_word(segments_.base() + segments_.offset_of(first)).store(ChunkWord::reserved(0), std::memory_order_relaxed);
  ++counted_.allocations;
  link(first);
}

// Just behind the hand: the last that it comes to.
void ItemDomain::link(std::uint32_t segment) noexcept {
  segments_linked_.fetch_add(1, std::memory_order_relaxed);
  SegmentHeader& header = segments_.header(segment);
  header.newer = hand_.segment;
  header.older = hand_.segment == 0 ? newest_ : segments_.header(hand_.segment).older;
  (header.older == 0 ? oldest_ : segments_.header(header.older).newer) = segment;
  (header.newer == 0 ? newest_ : segments_.header(header.newer).older) = segment;
}

void ItemDomain::unlink(std::uint32_t segment) noexcept {
  segments_linked_.fetch_sub(1, std::memory_order_relaxed);
  SegmentHeader& header = segments_.header(segment);
  if (hand_.segment == segment) hand_ = {.segment = header.newer};
  if (stretch_.segment == segment) stretch_ = {.segment = header.newer};
  if (walk_.position.segment == segment) {
    walk_.position = {.segment = header.newer};
    walk_.is_in_segment = false;
  }
  (header.older == 0 ? oldest_ : segments_.header(header.older).newer) = header.newer;
  (header.newer == 0 ? newest_ : segments_.header(header.newer).older) = header.older;
  header.state = SegmentState::unused;
}

void ItemDomain::count_freed(Granule granules, FreeRuns::Run run) noexcept {
  header_at(run.begin).free_granules += granules;
  if (runs_.is_withholding()) {
    const Granule drained = runs_.withheld() + drain_at_;
    if (drained > run.begin && drained - run.begin < run.size) drain_at_ += run.begin + run.size - drained;
  }
  for (Position* const position : {&hand_, &stretch_}) {
    skip_freed(*position, run);
    leave_if_at_end(*position);
  }
  if (walk_.is_in_segment) skip_freed(walk_.position, run);
}

void ItemDomain::skip_freed(Position& position, FreeRuns::Run run) const noexcept {
  if (position.segment == 0 || segments_.is_large(position.segment)) return;
  const Granule at = segment_begin(position.segment) + position.at;
  // Where the run begins nothing has changed for it. At the end of its segment a position may stand before the begin of another one, which is not its.
  if (at > run.begin && at - run.begin < run.size) position.at += run.begin + run.size - at;
}

void ItemDomain::leave_if_at_end(Position& position) const noexcept {
  if (position.at == runs_.segment_granules()) position = {.segment = segments_.header(position.segment).newer};
}

// One whole free segment is kept, so that who works at the edge of one does not open and give it back by turns. Many may become free nearly at once,
// and to give one back takes time: what a release leaves is for the next ones, and for give_back_spare().
void ItemDomain::free_run(FreeRuns::Run freed, Emptied& emptied) noexcept {
  if (freed.size == 0) return;
  const FreeRuns::Run run = runs_.release(freed.begin, freed.size);
  count_freed(freed.size, run);
  if (run.size != runs_.segment_granules()) return;
  const bool is_drained = runs_.is_withholding() && runs_.withheld() == run.begin;
  if (is_drained || (has_spare() && emptied.count == 0)) withdraw(run.begin, emptied);
  if (is_drained) {
    is_draining_.store(false, std::memory_order_relaxed);
    ++counted_.drained;
  }
}

void ItemDomain::withdraw(Granule begin, Emptied& emptied) noexcept {
  runs_.remove_segment(begin);
  is_short_ = false;
  granules_ -= runs_.segment_granules();
  const std::uint32_t segment = segments_.segment_of(offset_of(begin));
  unlink(segment);
  emptied.add(segment);
}

// Not where so much is free that segments may become whole, nor where one is being emptied: a chunk that is kept would be in the way.
bool ItemDomain::keep(Granule at, ChunkMagazine& keeper) noexcept {
  constexpr Granule kSparse = 8;  // more than a part of so many is free, a segment that is being filled apart
  const Granule size = runs_.chunk(at).size;
  const bool is_sparse = runs_.free_granules() > runs_.segment_granules() + granules_ / kSparse;
  if (is_sparse || runs_.is_withholding() || !keeper.has_room(size)) {
    keeper.note_refused();
    return false;
  }
  runs_.reserve(at, size);
  keeper.add(offset_of(at), size);
  ++counted_.kept;
  return true;
}

// What is released together was often stored one after the other, so it lies side by side, and goes as one chunk.
bool ItemDomain::join(FreeRuns::Run& run, FreeRuns::Run chunk) const noexcept {
  const bool is_before = chunk.begin + chunk.size == run.begin, is_behind = run.begin + run.size == chunk.begin;
  const Granule border = is_before ? run.begin : chunk.begin;
  if ((!is_before && !is_behind) || border % runs_.segment_granules() == 0) return false;
  run = {.begin = is_before ? chunk.begin : run.begin, .size = run.size + chunk.size};
  return true;
}

void ItemDomain::release(std::span<const std::uint64_t> offsets, ChunkMagazine* keeper) noexcept {
  assert(offsets.size() <= kMostReleased);
  Emptied emptied;
  {
    const sync::MutexLock lock(mutex_);
    FreeRuns::Run joined{.begin = 0, .size = 0};
    for (const std::uint64_t offset : offsets) {
      const std::uint32_t segment = segments_.segment_of(offset);
      if (!segments_.is_large(segment)) {
        const Granule at = granule_of(offset);
        if (keeper != nullptr && keep(at, *keeper)) continue;
        ++counted_.released;
        const FreeRuns::Run chunk{.begin = at, .size = runs_.chunk(at).size};
        if (joined.size != 0 && join(joined, chunk)) continue;
        free_run(std::exchange(joined, chunk), emptied);
        continue;
      }
      ++counted_.released;
      unlink(segment);
      emptied.add(segment);
    }
    free_run(joined, emptied);
    if (has_spare() && emptied.count == 0) withdraw(runs_.find(runs_.segment_granules()), emptied);
  }
  give_back(emptied);
}

bool ItemDomain::give_back_spare() noexcept {
  Emptied emptied;
  {
    const sync::MutexLock lock(mutex_);
    if (!has_spare()) return false;
    withdraw(runs_.find(runs_.segment_granules()), emptied);
  }
  give_back(emptied);
  return true;
}

void ItemDomain::give_back(const Emptied& emptied) noexcept {
  for (const std::uint32_t segment : std::span(emptied.segments).first(emptied.count)) {
    segments_.is_large(segment) ? segments_.give_back_large(segment) : segments_.give_back(segment);
  }
}

void ItemDomain::give_back_whole_segments() noexcept {
  for (;;) {
    Emptied emptied;
    {
      const sync::MutexLock lock(mutex_);
      if (runs_.whole_segments() == 0) return;
      withdraw(runs_.find(runs_.segment_granules()), emptied);
    }
    give_back(emptied);
  }
}

std::uint64_t ItemDomain::trim(std::uint64_t offset, std::uint64_t front_bytes, std::uint64_t back_bytes) noexcept {
  const auto front = static_cast<Granule>(front_bytes / kGranuleBytes), back = static_cast<Granule>(back_bytes / kGranuleBytes);
  const sync::MutexLock lock(mutex_);
  if (segments_.is_large(segments_.segment_of(offset))) return trim_large(offset, front, back_bytes);
  Granule at = granule_of(offset);
  if (back != 0) count_freed(back, runs_.trim_back(at, back));
  if (front != 0) {
    count_freed(front, runs_.trim_front(at, front));
    at += front;
  }
  return offset_of(at);
}

// What is cut off in front stays in the item's first page, as a free chunk that no bin knows.
std::uint64_t ItemDomain::trim_large(std::uint64_t offset, Granule front, std::uint64_t back_bytes) noexcept {
  const std::uint32_t first = segments_.segment_of(offset);
  assert(offset == segments_.offset_of(first) && front * kGranuleBytes < segments_.page_bytes());
  if (back_bytes != 0) segments_.shrink_large(first, segments_.large_bytes(first) - back_bytes);
  if (front == 0) return offset;
  std::byte* const begin = segments_.base() + offset;
  chunk_word(begin).store(ChunkWord::free(front), std::memory_order_relaxed);
  chunk_word(begin + front * kGranuleBytes).store(ChunkWord::reserved(0) | ChunkWord::kPreviousFree, std::memory_order_relaxed);
  return offset + front * kGranuleBytes;
}

}  // namespace strata::cache
