#include "engine/cache/free_runs.h"

#include <cassert>
#include <utility>

namespace strata::cache {
namespace {

// How many chunks of a bin that also has smaller ones are looked at for one that fits.
constexpr int kMostLooks = 8;

}  // namespace

FreeRuns::FreeRuns(std::byte* base, Granule segment_granules) noexcept
    : base_(base), segment_granules_(segment_granules), withheld_begin_(none_withheld()) {
  assert(std::has_single_bit(segment_granules) && segment_granules <= kMostSegmentGranules);
  heads_.fill(kNone);
}

FreeRuns::Chunk FreeRuns::read_other(std::byte* chunk, std::uint32_t word) noexcept {
  const bool previous_free = (word & ChunkWord::kPreviousFree) != 0;
  if (ChunkWord::is_free(word)) return {static_cast<Granule>(ChunkWord::FreeGranules::get(word)), Kind::free, false};
  if (ChunkWord::is_item(word)) {
    const std::uint64_t bytes = ItemShape::read_prefix(chunk).item_bytes();
    return {static_cast<Granule>(bytes / kGranuleBytes), Kind::item, previous_free};
  }
  const Kind kind = ChunkWord::OpenRun::get(word) != 0 ? Kind::open_run : Kind::reserved;
  return {static_cast<Granule>(ChunkWord::Granules::get(word)), kind, previous_free};
}

std::uint32_t FreeRuns::bin_of(Granule count) noexcept {
  if (count < kExactBins) return count;
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(count)) - 1;  // 7 for 128
  return kExactBins + (doubling - 7) * kBinsPerDoubling + ((count >> (doubling - 5)) & (kBinsPerDoubling - 1));
}

std::uint32_t FreeRuns::next_bin(std::uint32_t from) const noexcept {
  std::size_t group = from / 64;
  if (group >= filled_.size()) return kBins;
  std::uint64_t bits = filled_[group] & (~std::uint64_t{0} << (from % 64));
  while (bits == 0) {
    if (++group == filled_.size()) return kBins;
    bits = filled_[group];
  }
  return static_cast<std::uint32_t>(group * 64) + static_cast<std::uint32_t>(std::countr_zero(bits));
}

void FreeRuns::withhold(Granule begin) noexcept {
  assert(!is_withholding());
  for (Granule at = begin; at != begin + segment_granules_; at += chunk(at).size) {
    if (chunk(at).kind == Kind::free) unfile(at, free_size(at));
  }
  withheld_begin_ = begin;
}

void FreeRuns::offer_again() noexcept {
  if (!is_withholding()) return;
  const Granule begin = std::exchange(withheld_begin_, none_withheld());
  for (Granule at = begin; at != begin + segment_granules_; at += chunk(at).size) {
    if (chunk(at).kind == Kind::free) file(at, free_size(at));
  }
}

void FreeRuns::file(Granule at, Granule count) noexcept {
  if (is_withheld(at)) [[unlikely]]
    return;
  free_granules_ += count;
  if (count < kHoleGranules) hole_granules_ += count;
  if (count == segment_granules_) ++whole_segments_;
  if (count < kSmallestLinked) return;
  const std::uint32_t bin = bin_of(count);
  word(at + 1) = heads_[bin];
  word(at + 2) = kNone;
  if (heads_[bin] != kNone) word(heads_[bin] + 2) = at;
  heads_[bin] = at;
  filled_[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void FreeRuns::unfile(Granule at, Granule count) noexcept {
  if (is_withheld(at)) [[unlikely]]
    return;
  free_granules_ -= count;
  if (count < kHoleGranules) hole_granules_ -= count;
  if (count == segment_granules_) --whole_segments_;
  if (count < kSmallestLinked) return;
  const std::uint32_t bin = bin_of(count);
  const Granule next = word(at + 1), previous = word(at + 2);
  (previous == kNone ? heads_[bin] : word(previous + 1)) = next;
  if (next != kNone) word(next + 2) = previous;
  if (heads_[bin] == kNone) filled_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
}

// The bit of what comes before is always off in a free chunk: two free chunks are never neighbours.
void FreeRuns::mark_free(Granule at, Granule count) noexcept {
  first_word(at).store(ChunkWord::free(count), std::memory_order_relaxed);
  if (count > 1) word(at + count - 1) = ChunkWord::free(count);
  file(at, count);
  if (!ends_segment(at + count)) tell_next(at + count, true);
}

void FreeRuns::tell_next(Granule next, bool previous_free) noexcept {
  const auto word = first_word(next);
  // Acquired: who reads what is stored here may read the item too.
  const std::uint32_t before = word.load(std::memory_order_acquire);
  // Nobody else writes this word any more, and a read-modify-write costs as much as all of the rest.
  if (ChunkWord::is_item(before)) [[likely]] {
    word.store(previous_free ? before | ChunkWord::kPreviousFree : before & ~ChunkWord::kPreviousFree, std::memory_order_relaxed);
  } else if (previous_free) {
    word.fetch_or(ChunkWord::kPreviousFree, std::memory_order_relaxed);
  } else {
    word.fetch_and(~ChunkWord::kPreviousFree, std::memory_order_relaxed);
  }
}

FreeRuns::Granule FreeRuns::find(Granule count) const noexcept {
  if (count < kExactBins) {
    const std::uint32_t bin = next_bin(count < kSmallestLinked ? kSmallestLinked : count);
    return bin == kBins ? kNone : heads_[bin];
  }
  // Its own bin may hold chunks that are a little too small.
  const std::uint32_t own = bin_of(count);
  Granule at = heads_[own];
  for (int looked = 0; at != kNone && looked < kMostLooks; at = word(at + 1), ++looked) {
    if (free_size(at) >= count) return at;
  }
  const std::uint32_t bin = next_bin(own + 1);
  return bin == kBins ? kNone : heads_[bin];
}

FreeRuns::Granule FreeRuns::take(Granule found, Granule count) noexcept {
  const Granule whole = free_size(found), end = found + whole, rest = found + count;
  assert(count > 0 && count <= whole);
  unfile(found, whole);
  if (rest != end) {
    first_word(rest).store(ChunkWord::free(whole - count), std::memory_order_relaxed);
    if (whole - count > 1) word(end - 1) = ChunkWord::free(whole - count);
    file(rest, whole - count);
  } else if (!ends_segment(end)) {
    tell_next(end, false);
  }
  // Two free chunks are never neighbours: what lies before is in use.
  first_word(found).store(ChunkWord::reserved(count), std::memory_order_relaxed);
  return found;
}

FreeRuns::Run FreeRuns::release(Granule at, Granule count) noexcept {
  Granule begin = at;
  const Granule end = at + count;
  if (previous_free_bit(at) != 0) {
    const auto before = static_cast<Granule>(ChunkWord::FreeGranules::get(word(at - 1)));
    begin -= before;
    count += before;
    unfile(begin, before);
  }
  if (!ends_segment(end) && ChunkWord::is_free(first_word(end).load(std::memory_order_relaxed))) {
    const Granule after = free_size(end);
    count += after;
    unfile(end, after);
  }
  mark_free(begin, count);
  return {begin, count};
}

void FreeRuns::open_run(Granule at, Granule total) noexcept {
  assert(total > 2);
  first_word(at + total - 1).store(ChunkWord::reserved(1), std::memory_order_relaxed);
  first_word(at).store(ChunkWord::open_run(total) | previous_free_bit(at), std::memory_order_relaxed);
}

FreeRuns::Run FreeRuns::close_run(Granule at, Granule total, Granule left) noexcept {
  assert(left > 0 && left < total);
  first_word(at).store(ChunkWord::reserved(left) | previous_free_bit(at), std::memory_order_relaxed);
  return release(at + total - 1, 1);
}

FreeRuns::Run FreeRuns::trim_front(Granule at, Granule count) noexcept {
  const Granule whole = chunk(at).size;
  assert(count > 0 && count < whole);
  first_word(at + count).store(ChunkWord::reserved(whole - count), std::memory_order_relaxed);
  first_word(at).store(ChunkWord::reserved(count) | previous_free_bit(at), std::memory_order_relaxed);
  return release(at, count);
}

FreeRuns::Run FreeRuns::trim_back(Granule at, Granule count) noexcept {
  const Granule kept = chunk(at).size - count;
  assert(count > 0 && kept > 0);
  first_word(at + kept).store(ChunkWord::reserved(count), std::memory_order_relaxed);
  first_word(at).store(ChunkWord::reserved(kept) | previous_free_bit(at), std::memory_order_relaxed);
  return release(at + kept, count);
}

std::string FreeRuns::verify_segment(Granule begin, Sums& found) const {
  return verify_range(begin, begin + segment_granules_, found);
}

std::string FreeRuns::verify_range(Granule at, Granule end, Sums& found) const {
  bool before_free = false;
  while (at != end) {
    const std::string here = " at granule " + std::to_string(at);
    const Chunk chunk = this->chunk(at);
    if (chunk.kind == Kind::open_run) ++found.open_runs;
    if (chunk.size == 0 || chunk.size > end - at) return "a chunk of " + std::to_string(chunk.size) + " granules" + here;
    const bool free = chunk.kind == Kind::free;
    if (free && before_free) return "two free chunks side by side" + here;
    if (!free && chunk.previous_free != before_free) return "a chunk that is wrong about the one before it" + here;
    if (free) {
      if (chunk.size > 1 && word(at + chunk.size - 1) != ChunkWord::free(chunk.size))
        return "no size at the end of a free chunk" + here;
      if (is_withheld(at)) {
        found.withheld += chunk.size;
      } else {
        found.free += chunk.size;
        if (chunk.size < kHoleGranules) found.holes += chunk.size;
        if (chunk.size >= kSmallestLinked) found.linked += chunk.size;
      }
    }
    before_free = free;
    at += chunk.size;
  }
  return {};
}

std::string FreeRuns::verify_bin(std::uint32_t bin, std::uint64_t& linked) const {
  const std::string here = " in bin " + std::to_string(bin);
  const bool told = (filled_[bin / 64] >> (bin % 64) & 1U) != 0;
  if (told != (heads_[bin] != kNone)) return "a wrong bit" + here;
  Granule previous = kNone;
  for (Granule at = heads_[bin]; at != kNone; previous = at, at = word(at + 1)) {
    const Chunk chunk = this->chunk(at);
    if (chunk.kind != Kind::free || chunk.size < kSmallestLinked || bin_of(chunk.size) != bin)
      return "a chunk that is out of place" + here;
    if (word(at + 2) != previous) return "a wrong link" + here;
    linked += chunk.size;
    if (linked > free_granules_) return "more than is free" + here;
  }
  return {};
}

std::string FreeRuns::verify_bins(const Sums& found) const {
  std::uint64_t linked = 0;
  for (std::uint32_t bin = 0; bin < kBins; ++bin) {
    if (std::string wrong = verify_bin(bin, linked); !wrong.empty()) return wrong;
  }
  if (linked != found.linked)
    return "the bins hold " + std::to_string(linked) + " granules, the segments " + std::to_string(found.linked);
  if (found.free != free_granules_ || found.holes != hole_granules_) return "the sums of what is free are wrong";
  return {};
}

}  // namespace strata::cache
