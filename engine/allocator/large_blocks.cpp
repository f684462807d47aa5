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
[[nodiscard]] Span* allocate_span(std::size_t bytes, std::size_t alignment, std::size_t room) noexcept {
  if (!start_process_allocator()) return nullptr;
  const std::uint32_t slices = slices_for(bytes);
  const std::size_t aligned_slices = std::max<std::size_t>(1, alignment >> kSliceShift);
  if (slices == 0 || aligned_slices > process.map.slices()) return nullptr;
  Span* span =
      process.slices.allocate(slices, static_cast<std::uint32_t>(aligned_slices), SpanUse::large, false, slices_for(room));
  if (span == nullptr) return nullptr;
  span->large_bytes = bytes;
  return span;
}

}  // namespace

void* allocate_large(std::size_t bytes, std::size_t alignment) noexcept {
  Span* span = allocate_span(bytes, alignment, 0);
  return span == nullptr ? nullptr : process.map.start_of(*span);
}

void free_large(Span& span) noexcept {
  process.slices.free(span);
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

void* resize_large(Span& span, std::size_t bytes) noexcept {
  const std::uint32_t slices = slices_for(bytes);
  if (slices == 0) return nullptr;
  std::byte* const start = process.map.start_of(span);
  // All that usable_bytes() promised, not only what was asked for.
  const std::size_t held = std::size_t{span.slices} << kSliceShift;
  if (slices <= span.slices) {
    process.slices.shorten(span, slices);
  } else if (!process.slices.extend(span, slices)) {
    Span* target = allocate_span(bytes, kSliceBytes, bytes * kRoomToGrow);
    if (target == nullptr) return nullptr;
    std::byte* const moved = process.map.start_of(*target);
    const bool by_pages = held >= kMovePagesBytes && process.map.memory().move_pages(process.map.offset_of(start), held,
                                                                                     process.map.offset_of(moved)) == std::errc{};
    if (!by_pages) std::memcpy(moved, start, held);
    process.slices.free(span, !by_pages);
    return moved;
  }
  span.large_bytes = bytes;
  return start;
}

}  // namespace strata::allocator
