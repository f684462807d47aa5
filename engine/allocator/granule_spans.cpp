#include "engine/allocator/granule_spans.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>

#include "engine/allocator/poison.h"

namespace strata::allocator {
namespace {

constexpr std::uint32_t granules_for(std::size_t bytes) noexcept {
  return static_cast<std::uint32_t>((bytes + Granules::kBytes - 1) / Granules::kBytes);
}

// In granules, at least 1. Spans begin at multiples of 64 KiB, so what is aligned in the span is aligned in memory.
constexpr std::uint32_t granule_alignment(std::size_t alignment) noexcept {
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, alignment / Granules::kBytes));
}

constexpr std::uint32_t align_up(std::uint32_t granule, std::uint32_t alignment) noexcept {
  return (granule + alignment - 1) & ~(alignment - 1);
}

// Most spans that a heap which grows takes ahead at once: 4 MiB, so that no request pays for more.
constexpr std::uint64_t kMostAhead = 64;

struct Hole {
  std::uint32_t first = Granules::kCount;  // where the block goes
  std::uint32_t length = Granules::kCount + 1;
};

// The shortest hole with room for so many granules at a multiple of `alignment`.
[[nodiscard]] Hole best_hole(const Granules& map, std::uint32_t granules, std::uint32_t alignment) noexcept {
  Hole best;
  for (std::uint32_t begin = map.find_used(0, false); begin < Granules::kCount;) {
    const std::uint32_t end = map.find_used(begin, true);
    const std::uint32_t first = align_up(begin, alignment);
    if (first + granules <= end && end - begin < best.length) best = {.first = first, .length = end - begin};
    begin = map.find_used(end, false);
  }
  return best;
}

}  // namespace

void GranuleSpans::start(SliceMap& map, HeapSpans& spans, void* records, std::size_t record_bytes) noexcept {
  map_ = &map;
  spans_ = &spans;
  add_records(records, record_bytes);
}

void GranuleSpans::add_records(void* memory, std::size_t bytes) noexcept {
  auto* const place = static_cast<std::byte*>(memory);
  for (std::size_t index = bytes / sizeof(Granules); index-- > 0;) {
    auto* const made = std::construct_at(reinterpret_cast<Granules*>(place + index * sizeof(Granules)));
    made->next_unused = unused_records_;
    unused_records_ = made;
  }
}

Granules* GranuleSpans::new_record() noexcept {
  if (unused_records_ == nullptr) {
    const Span* const slice = spans_->allocate(1, 1, SpanUse::allocator, false);
    if (slice == nullptr) return nullptr;
    add_records(map_->start_of(*slice), kSliceBytes);
  }
  Granules* const record = unused_records_;
  unused_records_ = record->next_unused;
  return std::construct_at(record);
}

// An empty span in no bin. nullptr: no memory or over the limit.
Span* GranuleSpans::add_span() noexcept {
  Granules* const record = new_record();
  if (record == nullptr) return nullptr;
  Span* const span = spans_->allocate(1, 1, SpanUse::blocks, false);
  if (span == nullptr) {
    record->next_unused = unused_records_;
    unused_records_ = record;
    return nullptr;
  }
  record->longest = Granules::kCount;
  span->granules = record;
  span->free_list = nullptr;
  span->used = span->carved = span->capacity = span->block_bytes = 0;
  span->shared.store(SharedWord(), std::memory_order_relaxed);
  ++span_count_;
  return span;
}

void GranuleSpans::keep_spans(std::uint32_t spans, std::uint32_t growth_percent) noexcept {
  kept_spans_ = spans;
  growth_percent_ = growth_percent;
  keeps_what_it_grew_to_ = true;
}

bool GranuleSpans::reserve(std::uint32_t spans) noexcept {
  while (span_count_ < spans) {
    Span* const span = add_span();
    if (span == nullptr) return false;
    ++empty_spans_;
    file(*span);
  }
  return true;
}

void GranuleSpans::grow_ahead() noexcept {
  const std::uint64_t more = std::min<std::uint64_t>(std::uint64_t{span_count_} * growth_percent_ / 100, kMostAhead);
  // What is not to be had now is asked for when it is needed.
  (void)reserve(span_count_ + static_cast<std::uint32_t>(more));
  kept_spans_ = std::max(kept_spans_, span_count_);
}

// REQUIRES: the span is in no bin.
void GranuleSpans::drop_span(Span& span) noexcept {
  span.granules->next_unused = unused_records_;
  unused_records_ = span.granules;
  span.granules = nullptr;
  --span_count_;
  spans_->free(span);
}

void GranuleSpans::file(Span& span) noexcept {
  const unsigned bin = GranuleBins::bin_of(span.granules->longest);
  bins_[bin].push_front(span);
  holds_something_[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void GranuleSpans::unfile(Span& span) noexcept {
  const unsigned bin = GranuleBins::bin_of(span.granules->longest);
  bins_[bin].remove(span);
  if (bins_[bin].empty()) holds_something_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
}

void GranuleSpans::refile(Span& span, std::uint32_t longest) noexcept {
  if (GranuleBins::bin_of(longest) == GranuleBins::bin_of(span.granules->longest)) {
    span.granules->longest = longest;
    return;
  }
  unfile(span);
  span.granules->longest = longest;
  file(span);
}

// nullptr: none has so long a hole, among those looked at.
Span* GranuleSpans::best_span(std::uint32_t granules) const noexcept {
  if (granules > Granules::kCount) return nullptr;
  for (unsigned bin = GranuleBins::bin_of(granules); bin < GranuleBins::kBins;) {
    const std::uint64_t bits = holds_something_[bin / 64] >> (bin % 64);
    if (bits == 0) {
      bin = (bin / 64 + 1) * 64;
      continue;
    }
    bin += static_cast<unsigned>(std::countr_zero(bits));
    Span* best = nullptr;
    Span* span = bins_[bin].first();
    for (unsigned look = 0; span != nullptr && look < kLooks; ++look, span = span->next) {
      // Above the exact bins a bin has some that are a little too short.
      if (span->granules->longest < granules) continue;
      if (best == nullptr || span->granules->longest < best->granules->longest) best = span;
    }
    if (best != nullptr) return best;
    ++bin;
  }
  return nullptr;
}

void GranuleSpans::use(Span& span, std::uint32_t first, std::uint32_t granules) noexcept {
  span.granules->set_used(first, first + granules, true);
  span.granules->set_start(first);
  span.granules->used_count += granules;
  unpoison(map_->start_of(span) + first * Granules::kBytes, granules * Granules::kBytes);
}

void* GranuleSpans::take_best_fit(std::size_t bytes, std::size_t alignment) noexcept {
  const std::uint32_t granules = granules_for(bytes);
  const std::uint32_t aligned = granule_alignment(alignment);
  // A hole so long has room for the block wherever it begins.
  Span* span = best_span(granules + aligned - 1);
  if (span == nullptr) {
    span = add_span();
    if (span == nullptr) return nullptr;
    ++empty_spans_;
    file(*span);
    if (keeps_what_it_grew_to_) grow_ahead();
  }
  Granules& map = *span->granules;
  if (map.used_count == 0) --empty_spans_;
  const Hole hole = best_hole(map, granules, aligned);
  use(*span, hole.first, granules);
  if (hole.length == map.longest) refile(*span, map.longest_run());
  return map_->start_of(*span) + hole.first * Granules::kBytes;
}

void* GranuleSpans::take_next(std::size_t bytes, std::size_t alignment) noexcept {
  const std::uint32_t granules = granules_for(bytes);
  Span* span = newest_;
  std::uint32_t first = span == nullptr ? Granules::kCount : align_up(span->granules->cursor, granule_alignment(alignment));
  if (first + granules > Granules::kCount) {
    span = add_span();
    if (span == nullptr) return nullptr;
    first = 0;
    // Goes on where there is more room left.
    if (newest_ == nullptr || granules <= newest_->granules->cursor) newest_ = span;
  }
  assert(span != nullptr);
  use(*span, first, granules);
  span->granules->cursor = first + granules;
  return map_->start_of(*span) + first * Granules::kBytes;
}

std::size_t GranuleSpans::block_bytes(const Span& span, const void* address) const noexcept {
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - map_->start_of(span));
  const auto first = static_cast<std::uint32_t>(offset / Granules::kBytes);
  if (offset % Granules::kBytes != 0 || !span.granules->starts_at(first)) return 0;
  return std::size_t{span.granules->end_of_block(first) - first} * Granules::kBytes;
}

std::size_t GranuleSpans::free(Span& span, const void* address) noexcept {
  const std::size_t bytes = block_bytes(span, address);
  if (bytes == 0) return 0;
  Granules& map = *span.granules;
  const auto first = static_cast<std::uint32_t>((map_->offset_of(address) & (kSliceBytes - 1)) / Granules::kBytes);
  const std::uint32_t end = first + granules_for(bytes);
  map.set_used(first, end, false);
  map.clear_start(first);
  map.used_count -= end - first;
  poison(map_->start_of(span) + first * Granules::kBytes, bytes);
  if (map.used_count == 0 && empty_spans_ > 0 && span_count_ > kept_spans_) {
    unfile(span);
    drop_span(span);
    return bytes;
  }
  if (map.used_count == 0) ++empty_spans_;
  refile(span, std::max(map.longest, map.find_used(end, true) - map.begin_of_run(first)));
  return bytes;
}

bool GranuleSpans::resize(Span& span, const void* address, std::size_t bytes) noexcept {
  Granules& map = *span.granules;
  const auto first = static_cast<std::uint32_t>((map_->offset_of(address) & (kSliceBytes - 1)) / Granules::kBytes);
  const std::uint32_t end = map.end_of_block(first);
  const std::uint32_t wanted_end = first + granules_for(bytes);
  if (wanted_end > Granules::kCount || (wanted_end > end && map.find_used(end, true) < wanted_end)) return false;
  const bool is_last = map.cursor == end;
  map.set_used(end, wanted_end, true);
  map.set_used(wanted_end, end, false);
  map.used_count += wanted_end - end;
  std::byte* const start = map_->start_of(span);
  if (wanted_end < end) poison(start + wanted_end * Granules::kBytes, (end - wanted_end) * Granules::kBytes);
  unpoison(start + first * Granules::kBytes, (wanted_end - first) * Granules::kBytes);
  // Spans of an arena are in no bin; what blocks before the last leave free there stays so.
  if (newest_ == nullptr) {
    refile(span, map.longest_run());
  } else if (is_last) {
    map.cursor = wanted_end;
  }
  return true;
}

void GranuleSpans::release_empty(std::uint32_t least, std::uint32_t most) noexcept {
  for (; span_count_ > least && most > 0; --most) {
    Span* const span = best_span(Granules::kCount);
    if (span == nullptr) return;
    unfile(*span);
    drop_span(*span);
    --empty_spans_;
  }
}

void GranuleSpans::reset() noexcept {
  Span* next = nullptr;
  for (Span* span = spans_->first(); span != nullptr; span = next) {
    next = spans_->next(*span);
    if (span->use == SpanUse::large) {
      spans_->free(*span);
    } else if (span->use == SpanUse::blocks && span != newest_) {
      drop_span(*span);
    }
  }
  bins_ = {};
  holds_something_ = {};
  empty_spans_ = 0;
  if (newest_ == nullptr) return;
  std::construct_at(newest_->granules);
  newest_->granules->longest = Granules::kCount;
  poison(map_->start_of(*newest_), kSliceBytes);
}

}  // namespace strata::allocator
