#include "engine/allocator/large_blocks.h"

#include <algorithm>
#include <cstring>

#include "engine/allocator/process_allocator.h"
#include "engine/os/coarse_clock.h"

namespace strata::allocator {
namespace {

// From here on moving pages is cheaper than copying them (two system calls and the page tables), and rare enough that the mappings it
// leaves behind stay few.
constexpr std::size_t kMovePagesBytes = std::size_t{1} << 20;

// What has grown once will grow again: it is put where there is room for that, if there is.
constexpr std::size_t kRoomToGrow = 2;

// 0: more than there is address space for.
std::uint32_t slices_for(std::size_t bytes) noexcept {
  const std::size_t slices = (bytes >> kSliceShift) + ((bytes & (kSliceBytes - 1)) != 0 ? 1 : 0);
  return slices > process.map.slices() ? 0 : static_cast<std::uint32_t>(slices);
}

// `room`: for growing to so many bytes where it lies.
void free_span(Span& span, bool touched, HeapSpans* of) noexcept {
  if (of == nullptr) {
    process.slices.free(span, touched);
  } else {
    of->free(span, touched);
  }
}

[[nodiscard]] bool extend_span(Span& span, std::uint32_t slices, HeapSpans* of) noexcept {
  return of == nullptr ? process.slices.extend(span, slices) : of->extend(span, slices);
}

void shorten_span(Span& span, std::uint32_t slices, HeapSpans* of) noexcept {
  if (of == nullptr) {
    process.slices.shorten(span, slices);
  } else {
    of->shorten(span, slices);
  }
}

[[nodiscard]] Span* allocate_span(std::size_t bytes, std::size_t alignment, std::size_t room, HeapSpans* of) noexcept {
  if (!start_process_allocator()) return nullptr;
  const std::uint32_t slices = slices_for(bytes);
  const std::size_t aligned_slices = std::max<std::size_t>(1, alignment >> kSliceShift);
  if (slices == 0 || aligned_slices > process.map.slices()) return nullptr;
  const auto slice_alignment = static_cast<std::uint32_t>(aligned_slices);
  const std::uint32_t room_slices = slices_for(room);
  Span* span = of == nullptr ? process.slices.allocate(slices, slice_alignment, SpanUse::large, false, room_slices)
                             : of->allocate(slices, slice_alignment, SpanUse::large, false, room_slices);
  if (span == nullptr) return nullptr;
  span->large_bytes = bytes;
  return span;
}

}  // namespace

void* allocate_large(std::size_t bytes, std::size_t alignment, HeapSpans* of) noexcept {
  Span* span = allocate_span(bytes, alignment, 0, of);
  return span == nullptr ? nullptr : process.map.start_of(*span);
}

void free_large(Span& span, HeapSpans* of) noexcept {
  free_span(span, true, of);
  process.slices.tick(os::coarse_monotonic_ns());
}

void zero_old_contents(Span& span, std::size_t bytes) noexcept {
  const std::uint32_t first = process.map.number_of(span);
  const std::uint32_t end = first + span.slices;
  std::byte* const start = process.map.start_of(span);
  const SliceBits& dirty = process.map.dirty();
  for (std::uint32_t from = dirty.find(first, end, true); from < end;) {
    const std::uint32_t run_end = dirty.find(from, end, false);
    const std::size_t offset = std::size_t{from - first} << kSliceShift;
    if (offset >= bytes) return;
    std::memset(start + offset, 0, std::min(bytes - offset, std::size_t{run_end - from} << kSliceShift));
    from = dirty.find(run_end, end, true);
  }
}

std::size_t usable_large_bytes(std::uint64_t requested) noexcept {
  const std::size_t page_bytes = process.map.page_bytes();
  return (static_cast<std::size_t>(requested) + page_bytes - 1) & ~(page_bytes - 1);
}

void* resize_large(Span& span, std::size_t bytes, HeapSpans* of) noexcept {
  const std::uint32_t slices = slices_for(bytes);
  if (slices == 0) return nullptr;
  std::byte* const start = process.map.start_of(span);
  // All that usable_bytes() promised, not only what was asked for.
  const std::size_t held = usable_large_bytes(span);
  if (slices <= span.slices) {
    shorten_span(span, slices, of);
  } else if (!extend_span(span, slices, of)) {
    Span* target = allocate_span(bytes, kSliceBytes, bytes * kRoomToGrow, of);
    if (target == nullptr) return nullptr;
    std::byte* const moved = process.map.start_of(*target);
    const bool by_pages = held >= kMovePagesBytes && process.map.memory().move_pages(process.map.offset_of(start), held,
                                                                                     process.map.offset_of(moved)) == std::errc{};
    if (!by_pages) std::memcpy(moved, start, held);
    free_span(span, !by_pages, of);
    return moved;
  }
  span.large_bytes = bytes;
  return start;
}

}  // namespace strata::allocator
