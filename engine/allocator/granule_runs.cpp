// The loops over words are compiled to vectors (engine/CMakeLists.txt).
#include "engine/allocator/granule_runs.h"

#include <algorithm>

namespace strata::allocator {

bool GranuleRuns::combine(Places& out, const Places& first, const Places& second, std::uint32_t step) noexcept {
  const std::uint32_t words = step / 64;
  const std::uint32_t shift = step % 64;
  std::uint64_t all = 0;
  out[kWords] = 0;
  // The usual case apart: a vector needs to know the distance.
  if (words == 0) {
    if (shift == 0) {
      out = first;
      return std::any_of(out.begin(), out.end(), [](std::uint64_t word) { return word != 0; });
    }
    for (std::uint32_t word = 0; word < kWords; ++word) {
      out[word] = first[word] & (second[word] >> shift | second[word + 1] << (64 - shift));
      all |= out[word];
    }
    return all != 0;
  }
  const auto at = [&](std::uint32_t word) { return word < kWords ? second[word] : 0; };
  for (std::uint32_t word = 0; word < kWords; ++word) {
    const std::uint64_t low = at(word + words) >> shift;
    const std::uint64_t high = shift == 0 ? 0 : at(word + words + 1) << (64 - shift);
    out[word] = first[word] & (low | high);
    all |= out[word];
  }
  return all != 0;
}

GranuleRuns::GranuleRuns(const Granules& granules, std::uint32_t length) noexcept : length_(length) {
  for (std::uint32_t word = 0; word < kWords; ++word) doubled_[0][word] = ~granules.used[word];
  doubled_[0][kWords] = 0;
  for (std::uint32_t reached = 1; reached * 2 <= length; reached *= 2, ++doublings_)
    (void)combine(doubled_[doublings_ + 1], doubled_[doublings_], doubled_[doublings_], reached);
  const Places& half = doubled_[doublings_];
  (void)combine(places_, half, half, length - (std::uint32_t{1} << doublings_));
}

void GranuleRuns::use(std::uint32_t first) noexcept {
  const std::uint32_t end = first + length_;
  for (unsigned doubling = 0; doubling <= doublings_; ++doubling) {
    const std::uint32_t reach = (std::uint32_t{1} << doubling) - 1;
    Places& places = doubled_[doubling];
    for (std::uint32_t from = first - std::min(first, reach); from < end;) {
      const std::uint32_t stop = std::min(end, (from / 64 + 1) * 64);
      const std::uint64_t ones = stop - from == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (stop - from)) - 1;
      places[from / 64] &= ~(ones << (from % 64));
      from = stop;
    }
  }
}

// Begins with runs of 2^doubling and adds the halves that fit.
std::uint32_t GranuleRuns::longest_from(unsigned doubling) const noexcept {
  const auto none = [](const Places& places) {
    return std::all_of(places.begin(), places.end(), [](std::uint64_t word) { return word == 0; });
  };
  while (none(doubled_[doubling])) {
    if (doubling-- == 0) return 0;
  }
  std::uint32_t length = std::uint32_t{1} << doubling;
  Places found = doubled_[doubling];
  Places longer;
  while (doubling-- > 0) {
    if (!combine(longer, found, doubled_[doubling], length)) continue;
    found = longer;
    length += std::uint32_t{1} << doubling;
  }
  return length;
}

std::uint32_t GranuleRuns::longest_below() const noexcept {
  if (length_ == 1) return 0;
  // Where holes are many there is one that is only a little too short.
  Places places;
  const std::uint32_t next_shorter = length_ - 1;
  const unsigned doubling = static_cast<unsigned>(std::bit_width(next_shorter)) - 1;
  const Places& half = doubled_[doubling];
  if (combine(places, half, half, next_shorter - (std::uint32_t{1} << doubling))) return next_shorter;
  return longest_from(doubling);
}

std::uint32_t GranuleRuns::longest(const Granules& granules) noexcept {
  const GranuleRuns runs(granules, Granules::kCount);
  return runs.longest_from(runs.doublings_);
}

}  // namespace strata::allocator
