#include "engine/allocator/shared_heap.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/corruption.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/process_allocator.h"

namespace strata::allocator {
namespace {

// Shared heaps have no threads that end, so nothing of theirs is ever abandoned.
constinit AbandonedSpans none_abandoned;

// `span`: that the address lies in; nullptr: none in use.
void report_no_block(const Span* span, const void* address) noexcept {
  if (span == nullptr) return report_stray(address);
  CorruptionReport report{.kind = Corruption::invalid_free, .address = address};
  if (span->use == SpanUse::large) {
    report.block = process.map.start_of(*span);
    report.block_bytes = span->large_bytes;
  }
  report_corruption(report);
}

// Rounded up, and no more than there can be.
std::uint32_t slices_of(std::uint64_t bytes) noexcept {
  const std::uint64_t slices = (bytes >> kSliceShift) + (bytes % kSliceBytes != 0 ? 1 : 0);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(slices, process.map.slices()));
}

void add_to(HeapStatistics& total, const HeapStatistics& more) noexcept {
  total.blocks_taken += more.blocks_taken;
  total.bytes_taken += more.bytes_taken;
  total.blocks_returned += more.blocks_returned;
  total.bytes_returned += more.bytes_returned;
  total.refills += more.refills;
}

}  // namespace

SharedHeap::SharedHeap(const HeapOptions& options) noexcept
    : strategy_(options.strategy),
      shared_{
          .map = &process.map, .slices = &process.slices, .abandoned = &none_abandoned, .recycled = nullptr, .spans = &spans_} {
  const char* name = options.name == nullptr ? "" : options.name;
  std::memcpy(name_.data(), name, ::strnlen(name, kNameBytes - 1));
  spans_.start(process.map, process.slices, *this, options.limit_bytes);
}

// A slice: the blocks at hand, or the first records of granules and what is attached to the heap; then the heap.
SharedHeap* SharedHeap::create(const HeapOptions& options) noexcept {
  static_assert(AtHand::kBytes + sizeof(SharedHeap) <= kSliceBytes && AtHand::kBytes % alignof(SharedHeap) == 0);
  if (!start_process_allocator()) return nullptr;
  Span* const slice = process.slices.allocate(1, 1, SpanUse::allocator, false);
  if (slice == nullptr) return nullptr;
  std::byte* const memory = process.map.start_of(*slice);
  zero_old_contents(*slice, AtHand::kBytes);
  // cppcheck-suppress legacyUninitvar  // does not know this form of new
  SharedHeap* const heap = ::new (memory + AtHand::kBytes) SharedHeap(options);
  heap->start(memory);
  const sync::MutexLock lock(process.heaps_mutex);
  heap->id_ = process.shared_heaps_made++;
  heap->next_registered = process.shared_heaps;
  if (process.shared_heaps != nullptr) process.shared_heaps->previous_registered = heap;
  process.shared_heaps = heap;
  slice->shared_heap.store(heap, std::memory_order_release);
  return heap;
}

bool SharedHeap::is_heap(const void* address) noexcept {
  if (!process.map.contains(address)) return false;
  if (process.map.offset_of(address) >> kSliceShift >= process.map.committed_slices()) return false;
  return process.map.entry_of(address)->shared_heap.load(std::memory_order_acquire) == address;
}

void SharedHeap::start(void* memory) noexcept {
  const sync::MutexLock lock(mutex_);
  if (strategy_ == HeapStrategy::size_class) {
    heap_.start(shared_, memory);
  } else {
    static_assert(AtHand::kBytes % sizeof(Granules) == kAttachedBytes, "no record is lost by it");
    granules_.start(process.map, spans_, memory, AtHand::kBytes - kAttachedBytes);
  }
}

void SharedHeap::destroy(SharedHeap* heap) noexcept {
  if (heap == nullptr) return;
  Span& slice = *process.map.entry_of(heap);
  slice.shared_heap.store(nullptr, std::memory_order_relaxed);
  {
    const sync::MutexLock lock(process.heaps_mutex);
    SharedHeap* const next = heap->next_registered;
    SharedHeap* const previous = heap->previous_registered;
    (previous == nullptr ? process.shared_heaps : previous->next_registered) = next;
    if (next != nullptr) next->previous_registered = previous;
    const sync::MutexLock heap_lock(heap->mutex_);
    add_to(process.of_destroyed_heaps, heap->statistics());
  }
  {
    const sync::MutexLock lock(heap->mutex_);
    heap->spans_.free_all();
  }
  heap->~SharedHeap();
  process.slices.free(slice);
}

void SharedHeap::note_taken(std::size_t bytes) noexcept {
  used_bytes_ += bytes;
  ++used_blocks_;
}

void SharedHeap::note_returned(std::size_t bytes) noexcept {
  used_bytes_ -= bytes;
  --used_blocks_;
}

void* SharedHeap::take_from_class(std::size_t bytes, std::size_t alignment) noexcept {
  const SizeClass size_class = aligned_class_of(bytes, alignment);
  void* block = heap_.take_at_hand(size_class);
  if (block == nullptr) block = heap_.refill(size_class);
  if (block != nullptr) note_taken(class_bytes(size_class));
  return block;
}

void* SharedHeap::take_granules(std::size_t bytes, std::size_t alignment) noexcept {
  void* const block =
      strategy_ == HeapStrategy::arena ? granules_.take_next(bytes, alignment) : granules_.take_best_fit(bytes, alignment);
  if (block == nullptr) return nullptr;
  const std::size_t taken = granules_.block_bytes(*process.map.entry_of(block), block);
  note_taken(taken);
  ++counted_.blocks_taken;
  counted_.bytes_taken += taken;
  return block;
}

void* SharedHeap::take(std::size_t bytes, std::size_t alignment) noexcept {
  if (has_granules() && bytes <= kLargestClassBytes && alignment <= kSliceBytes) return take_granules(bytes, alignment);
  const std::size_t taken = bytes_to_take(bytes);
  if (!has_granules() && taken <= kLargestClassBytes && alignment <= kSliceBytes)
    return hand_out(take_from_class(taken, alignment), bytes);
  void* const block = hand_out(allocate_large(taken, alignment, &spans_), bytes);
  if (block != nullptr) note_taken(usable_large_bytes(*process.map.entry_of(block)));
  return block;
}

void* SharedHeap::allocate(std::size_t bytes, std::size_t alignment) noexcept {
  bytes = std::max<std::size_t>(bytes, 1);
  const sync::MutexLock lock(mutex_);
  void* block = take(bytes, alignment);
  if (block != nullptr) return block;
  // What is kept for one size may be what another one lacks.
  release_unneeded_locked(0);
  block = take(bytes, alignment);
  if (block == nullptr) ++refused_;
  return block;
}

void* SharedHeap::allocate_zeroed(std::size_t bytes, std::size_t alignment) noexcept {
  void* const block = allocate(bytes, alignment);
  if (block == nullptr) return nullptr;
  Span& span = *process.map.first_of(process.map.entry_of(block));
  if (span.use != SpanUse::large) return std::memset(block, 0, bytes);
  zero_old_contents(span, bytes);
  return block;
}

// 0: no block begins there.
std::size_t SharedHeap::held_by(const Span& span, const void* address) const noexcept {
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - process.map.start_of(span));
  if (span.use == SpanUse::large) return offset == 0 ? usable_large_bytes(span) : 0;
  if (has_granules()) return granules_.block_bytes(span, address);
  return offset % span.block_bytes == 0 && offset / span.block_bytes < span.carved ? span.block_bytes : 0;
}

std::size_t SharedHeap::usable_bytes(const void* address) const noexcept {
  const sync::MutexLock lock(mutex_);
  Span* const span = span_of(address);
  const std::size_t held = span == nullptr || !is_ours(*span) ? 0 : held_by(*span, address);
  if (held == 0 || (has_granules() && span->use == SpanUse::blocks)) return held;
  if constexpr (kCheckedHeap) return requested_bytes(*span, const_cast<void*>(address));
  return held;
}

bool SharedHeap::owns(const void* address) const noexcept {
  const Span* const span = span_of(address);
  return span != nullptr && is_ours(*span);
}

void SharedHeap::give_back(Span& span, void* address, std::size_t held) noexcept {
  if (span.use == SpanUse::large) {
    if (!accept_large_free(span, address)) return;
    free_large(span, &spans_);
  } else if (strategy_ == HeapStrategy::size_class) {
    if (!accept_free(span, address)) return;
    heap_.free_local(span.size_class, address);
  } else if (strategy_ == HeapStrategy::best_fit) {
    (void)granules_.free(span, address);
    ++counted_.blocks_returned;
    counted_.bytes_returned += held;
  } else {
    return;  // An arena's blocks stay in use.
  }
  note_returned(held);
}

void SharedHeap::deallocate(void* address) noexcept {
  if (address == nullptr) return;
  const sync::MutexLock lock(mutex_);
  Span* const span = span_of(address);
  const std::size_t held = span == nullptr || !is_ours(*span) ? 0 : held_by(*span, address);
  if (held == 0) return report_no_block(span, address);
  give_back(*span, address, held);
}

// The block, if it could stay or was moved by pages; else nullptr.
void* SharedHeap::resize(Span& span, void* address, std::size_t held, std::size_t bytes) noexcept {
  void* resized = nullptr;
  std::size_t now_held = held;
  if (span.use == SpanUse::large) {
    if (bytes_to_take(bytes) <= kLargestClassBytes) return nullptr;
    resized = kCheckedHeap ? resize_large_checked(span, bytes, &spans_) : resize_large(span, bytes, &spans_);
    if (resized == nullptr) return nullptr;
    now_held = usable_large_bytes(*process.map.entry_of(resized));
  } else if (strategy_ == HeapStrategy::size_class) {
    // Shrinking by less than half is not worth a copy. The checked heap moves always.
    return !kCheckedHeap && bytes <= held && bytes >= held / 2 ? address : nullptr;
  } else if (bytes <= kLargestClassBytes && granules_.resize(span, address, std::max<std::size_t>(bytes, 1))) {
    resized = address;
    now_held = granules_.block_bytes(span, address);
  }
  if (resized != nullptr) used_bytes_ += now_held - held;
  return resized;
}

void* SharedHeap::reallocate(void* address, std::size_t bytes) noexcept {
  if (address == nullptr) return allocate(bytes, kMallocAlignment);
  std::size_t held = 0;
  {
    const sync::MutexLock lock(mutex_);
    Span* const span = span_of(address);
    held = span == nullptr || !is_ours(*span) ? 0 : held_by(*span, address);
    if (held == 0) {
      report_no_block(span, address);
      return nullptr;
    }
    const bool is_large = span->use == SpanUse::large;
    if (is_large || !has_granules()) {
      if (kCheckedHeap ? !accept_checked_resize(*span, address) : !accept_resize(*span, address)) return nullptr;
    }
    void* const resized = resize(*span, address, held, bytes);
    if (resized != nullptr) return resized;
    if (is_large && bytes_to_take(bytes) > kLargestClassBytes) {
      ++refused_;
      return nullptr;
    }
  }
  void* const moved = allocate(bytes, kMallocAlignment);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, address, std::min(held, bytes));
  deallocate(address);
  return moved;
}

void SharedHeap::reset() noexcept {
  const sync::MutexLock lock(mutex_);
  if (strategy_ == HeapStrategy::size_class) {
    spans_.free_all();
    heap_.forget_spans();
  } else {
    granules_.reset();
  }
  used_bytes_ = used_blocks_ = 0;
}

void SharedHeap::release_unneeded() noexcept {
  const sync::MutexLock lock(mutex_);
  release_unneeded_locked(granules_.kept_spans());
}

void SharedHeap::release_unneeded_locked(std::uint32_t kept_spans) noexcept {
  if (strategy_ == HeapStrategy::size_class) {
    heap_.release_empty();
  } else if (strategy_ == HeapStrategy::best_fit) {
    granules_.release_empty(kept_spans);
  }
}

void SharedHeap::set_limit(std::uint64_t bytes) noexcept {
  const sync::MutexLock lock(mutex_);
  spans_.set_limit(bytes);
}

bool SharedHeap::keep(std::uint64_t bytes, std::uint32_t growth_percent) noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint32_t spans = slices_of(bytes);
  growth_percent_ = growth_percent;
  granules_.keep_spans(spans, growth_percent);
  return granules_.reserve(spans);
}

std::uint64_t SharedHeap::release_beyond(std::uint64_t total_bytes, std::uint64_t kept_bytes, std::uint32_t most) noexcept {
  const sync::MutexLock lock(mutex_);
  const std::uint64_t held_before = spans_.held_bytes();
  const std::uint32_t of_large = slices_of(held_before) - granules_.span_count();
  const std::uint32_t wanted = slices_of(total_bytes);
  const std::uint32_t least = std::max(slices_of(kept_bytes), wanted - std::min(wanted, of_large));
  granules_.keep_spans(least, growth_percent_);
  granules_.release_empty(least, most);
  return held_before - spans_.held_bytes();
}

HeapUsage SharedHeap::usage() const noexcept {
  const sync::MutexLock lock(mutex_);
  return usage_locked();
}

HeapUsage SharedHeap::usage_locked() const noexcept {
  return {.used_bytes = used_bytes_,
          .held_bytes = spans_.held_bytes(),
          .limit_bytes = spans_.limit_bytes(),
          .record_bytes = spans_.record_bytes() + kSliceBytes,
          .used_blocks = used_blocks_,
          .refused = refused_};
}

HeapStatistics SharedHeap::statistics() const noexcept {
  return strategy_ == HeapStrategy::size_class ? heap_.statistics() : counted_;
}

}  // namespace strata::allocator
