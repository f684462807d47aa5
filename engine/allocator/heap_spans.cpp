#include "engine/allocator/heap_spans.h"

#include "engine/os/coarse_clock.h"

namespace strata::allocator {

void HeapSpans::start(SliceMap& map, SliceAllocator& slices, SharedHeap& heap, std::uint64_t limit_bytes) noexcept {
  map_ = &map;
  slice_allocator_ = &slices;
  heap_ = &heap;
  limit_bytes_ = limit_bytes;
}

bool HeapSpans::within_limit(std::uint32_t more_slices) const noexcept {
  return limit_bytes_ == 0 || std::uint64_t{slices_} + more_slices <= limit_bytes_ >> kSliceShift;
}

std::uint32_t& HeapSpans::count_of(const Span& span) noexcept {
  return span.use == SpanUse::allocator ? record_slices_ : slices_;
}

Span* HeapSpans::allocate(std::uint32_t slices, std::uint32_t alignment, SpanUse use, bool mark_tails,
                          std::uint32_t room) noexcept {
  if (use != SpanUse::allocator && !within_limit(slices)) return nullptr;
  Span* span = slice_allocator_->allocate(slices, alignment, use, mark_tails, room);
  if (span == nullptr) return nullptr;
  count_of(*span) += slices;
  link(*span);
  return span;
}

void HeapSpans::free(Span& span, bool touched) noexcept {
  count_of(span) -= span.slices;
  unlink(span);
  // The heap's own may lie where a thread's is made next.
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  span.queued.store(false, std::memory_order_relaxed);
  span.kept_empty = false;
  slice_allocator_->free(span, touched);
}

bool HeapSpans::extend(Span& span, std::uint32_t slices) noexcept {
  const std::uint32_t more = slices - span.slices;
  if (!within_limit(more) || !slice_allocator_->extend(span, slices)) return false;
  count_of(span) += more;
  return true;
}

void HeapSpans::shorten(Span& span, std::uint32_t slices) noexcept {
  count_of(span) -= span.slices - slices;
  slice_allocator_->shorten(span, slices);
}

void HeapSpans::free_all() noexcept {
  while (Span* span = first()) free(*span);
  slice_allocator_->tick(os::coarse_monotonic_ns());
}

void HeapSpans::link(Span& span) noexcept {
  const std::uint32_t number = map_->number_of(span);
  span.previous_in_heap = kNone;
  span.next_in_heap = first_;
  if (first_ != kNone) map_->entry(first_)->previous_in_heap = number;
  first_ = number;
  span.shared_heap.store(heap_, std::memory_order_release);
}

void HeapSpans::unlink(Span& span) noexcept {
  if (span.previous_in_heap == kNone) {
    first_ = span.next_in_heap;
  } else {
    map_->entry(span.previous_in_heap)->next_in_heap = span.next_in_heap;
  }
  if (span.next_in_heap != kNone) map_->entry(span.next_in_heap)->previous_in_heap = span.previous_in_heap;
  span.shared_heap.store(nullptr, std::memory_order_relaxed);
}

}  // namespace strata::allocator
