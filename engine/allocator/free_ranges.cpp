#include "engine/allocator/free_ranges.h"

#include <bit>

namespace strata::allocator {

unsigned FreeRanges::bin_of(std::uint32_t slices) noexcept {
  if (slices <= kExactBins) return slices - 1;
  const auto doubling = static_cast<unsigned>(std::bit_width(slices)) - 1;
  return kExactBins + (doubling - 6) * 8 + ((slices >> (doubling - 3)) & 7);
}

void FreeRanges::insert(SliceMap& map, std::uint32_t first, std::uint32_t slices) noexcept {
  for (const std::uint32_t slice : {first, first + slices - 1}) {
    Span& end = *map.entry(slice);
    end.use = SpanUse::free;
    end.slices = slices;
    end.first_slice = first;
  }
  const unsigned bin = bin_of(slices);
  bins_[bin].push_front(*map.entry(first));
  holds_something_[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void FreeRanges::remove(SliceMap& map, Span& range) noexcept {
  const unsigned bin = bin_of(range.slices);
  bins_[bin].remove(range);
  if (bins_[bin].empty()) holds_something_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
  map.entry(map.number_of(range) + range.slices - 1)->use = SpanUse::none;
  range.use = SpanUse::none;
}

unsigned FreeRanges::next_bin(unsigned from) const noexcept {
  while (from < kBins) {
    const std::uint64_t bits = holds_something_[from / 64] >> (from % 64);
    if (bits != 0) return from + static_cast<unsigned>(std::countr_zero(bits));
    from = (from / 64 + 1) * 64;
  }
  return kBins;
}

Span* FreeRanges::best_of(Span* candidate, std::uint32_t slices) noexcept {
  Span* best = nullptr;
  for (unsigned look = 0; candidate != nullptr && look < kLooks; ++look, candidate = candidate->next) {
    if (candidate->slices < slices) continue;
    // Equally long: the lower address, so that the upper end of the memory in use can be given back.
    if (best == nullptr || candidate->slices < best->slices || (candidate->slices == best->slices && candidate < best))
      best = candidate;
  }
  return best;
}

Span* FreeRanges::best_fit(std::uint32_t slices) const noexcept {
  for (unsigned bin = next_bin(bin_of(slices)); bin < kBins; bin = next_bin(bin + 1)) {
    if (Span* best = best_of(bins_[bin].first(), slices); best != nullptr) return best;
  }
  return nullptr;
}

Span* FreeRanges::first_at_or_below(unsigned& bin) const noexcept {
  for (unsigned at = bin + 1; at-- > 0;) {
    if (bins_[at].empty()) continue;
    bin = at;
    return bins_[at].first();
  }
  return nullptr;
}

}  // namespace strata::allocator
