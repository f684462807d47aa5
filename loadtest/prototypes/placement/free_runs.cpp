#include "loadtest/prototypes/placement/free_runs.h"

namespace strata::placement {

FreeRuns::FreeRuns(std::byte* base, std::uint32_t segment_bytes, bool reuse)
    : base_(base), segment_granules_(segment_bytes / kGranuleBytes), reuse_(reuse) {
  heads_.fill(kNone);
}

std::uint32_t FreeRuns::bin_of(Granule count) {
  if (count < kExactBins) return count;
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(count)) - 1;  // 7 for 128
  return kExactBins + (doubling - 7) * kBinsPerDoubling + ((count >> (doubling - 5)) & (kBinsPerDoubling - 1));
}

std::uint32_t FreeRuns::next_bin(std::uint32_t from) const {
  std::size_t group = from / 64;
  if (group >= filled_.size()) return kBins;
  std::uint64_t bits = filled_[group] & (~std::uint64_t{0} << (from % 64));
  while (bits == 0) {
    if (++group == filled_.size()) return kBins;
    bits = filled_[group];
  }
  return static_cast<std::uint32_t>(group * 64) + static_cast<std::uint32_t>(std::countr_zero(bits));
}

void FreeRuns::link(Granule at, Granule count) {
  const std::uint32_t bin = bin_of(count);
  word(at + 1) = heads_[bin];
  word(at + 2) = kNone;
  if (heads_[bin] != kNone) word(heads_[bin] + 2) = at;
  heads_[bin] = at;
  filled_[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void FreeRuns::unlink(Granule at, Granule count) {
  const std::uint32_t bin = bin_of(count);
  const Granule next = word(at + 1), previous = word(at + 2);
  if (previous == kNone && heads_[bin] != at) return;  // not offered
  (previous == kNone ? heads_[bin] : word(previous + 1)) = next;
  if (next != kNone) word(next + 2) = previous;
  if (heads_[bin] == kNone) filled_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
}

// The bit of what comes before is always off in a free chunk: two free chunks are never neighbours.
void FreeRuns::mark_free(Granule at, Granule count, bool offered) {
  word(at) = kFree | count;
  if (count >= kSmallestLinked) {
    if (offered) {
      link(at, count);
    } else {
      word(at + 1) = word(at + 2) = kNone;
    }
  }
  if (count > 1) word(at + count - 1) = kFree | count;
  if (!ends_segment(at + count)) word(at + count) |= kPreviousFree;
}

void FreeRuns::mark_used(Granule at, Granule count) {
  word(at) = count;
  if (!ends_segment(at + count)) word(at + count) &= ~kPreviousFree;
}

void FreeRuns::add_segment(Granule segment) { mark_free(segment_begin(segment), segment_granules_, true); }

void FreeRuns::withdraw(Granule segment) {
  for (Granule at = segment_begin(segment), end = at + segment_granules_; at < end; at += size(at)) {
    if (!is_free(at) || size(at) < kSmallestLinked) continue;
    unlink(at, size(at));
    word(at + 1) = word(at + 2) = kNone;
  }
}

void FreeRuns::offer_again(Granule segment) {
  for (Granule at = segment_begin(segment), end = at + segment_granules_; at < end; at += size(at)) {
    if (is_free(at) && size(at) >= kSmallestLinked && (reuse_ || size(at) == segment_granules_)) link(at, size(at));
  }
}

FreeRuns::Granule FreeRuns::take(Granule count) {
  Granule found = kNone;
  const std::uint32_t own = bin_of(count);
  if (count >= kExactBins) {
    // This bin may hold runs that are a little too small: look at a few.
    Granule at = heads_[own];
    for (int looked = 0; at != kNone && looked < 8; at = word(at + 1), ++looked) {
      if (size(at) >= count) {
        found = at;
        break;
      }
    }
  }
  if (found == kNone) {
    const std::uint32_t bin = next_bin(count < kExactBins ? (own < kSmallestLinked ? kSmallestLinked : own) : own + 1);
    if (bin == kBins) return kNone;
    found = heads_[bin];
  }
  const Granule whole = size(found);
  unlink(found, whole);
  mark_used(found, whole);
  if (whole > count) {
    word(found) = count;
    word(found + count) = 0;
    mark_free(found + count, whole - count, true);
  }
  return found;
}

FreeRuns::Run FreeRuns::release(Granule at, bool offered) {
  Granule begin = at, count = size(at);
  const Granule end = at + count;
  if ((word(at) & kPreviousFree) != 0) {
    const Granule before = word(at - 1) & kSizeMask;
    begin -= before;
    count += before;
    if (before >= kSmallestLinked) unlink(begin, before);
  }
  if (!ends_segment(end) && is_free(end)) {
    const Granule after = size(end);
    count += after;
    if (after >= kSmallestLinked) unlink(end, after);
  }
  mark_free(begin, count, offered && (reuse_ || count == segment_granules_));
  return {begin, count};
}

}  // namespace strata::placement
