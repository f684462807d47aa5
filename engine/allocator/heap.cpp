#include "engine/allocator/heap.h"

#include <algorithm>
#include <cassert>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/free_links.h"
#include "engine/allocator/heap_spans.h"
#include "engine/allocator/poison.h"
#include "engine/os/coarse_clock.h"

namespace strata::allocator {
namespace {

// New blocks are made a page's worth at a time, so that a class of which few blocks are used costs the pages of those.
constexpr std::size_t kCarveBytes = 4096;

// Changes who possesses a span and leaves what others have freed where it is. False: it was not `from` any more.
bool change_possession(Span& span, Possession from, Possession to) noexcept {
  SharedWord seen = span.shared.load(std::memory_order_acquire);
  while (seen.possession() == from) {
    if (span.shared.compare_exchange_weak(seen, SharedWord(seen.list(), seen.count(), to), std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

std::uint32_t pending(const Span& span) noexcept { return span.shared.load(std::memory_order_acquire).count(); }

}  // namespace

void* Heap::refill(SizeClass size_class) noexcept {
  refilled_at_[size_class] = static_cast<std::uint32_t>(++statistics_.refills);
  if (statistics_.refills % kRefillsForALook == 0) recycle_long_cold();
  if (refill_from_spans(size_class) || take_recycled(size_class)) return at_hand_.take(size_class);
  return add_fresh_span(size_class) && refill_from_spans(size_class) ? at_hand_.take(size_class) : nullptr;
}

// From what this heap has of the class, or finds without taking slices.
bool Heap::refill_from_spans(SizeClass size_class) noexcept {
  SpanList& queue = queues_[size_class];
  do {
    while (Span* span = queue.first()) {
      if (take_blocks(*span)) return true;
      let_go_full(*span);
    }
  } while (find_span(size_class));
  return false;
}

void* Heap::take_aligned(SizeClass size_class, std::size_t alignment) noexcept {
  void* block = take_at_hand(size_class);
  if (block == nullptr) block = refill(size_class);
  if (block == nullptr || reinterpret_cast<std::uintptr_t>(block) % alignment == 0) return block;
  // From a hole. Put it away, with what else is at hand, and take from spans alone.
  (void)at_hand_.put(size_class, block);
  return_oldest(size_class, at_hand_.count(size_class));
  if (!refill_from_spans(size_class) && !(add_fresh_span(size_class) && refill_from_spans(size_class))) return nullptr;
  return at_hand_.take(size_class);
}

// Puts blocks of the span at hand. False: it has none.
bool Heap::take_blocks(Span& span) noexcept {
  if (span.free_list == nullptr && pending(span) != 0) {
    // They count as used until now.
    const SharedWord freed = span.shared.exchange(SharedWord(), std::memory_order_acq_rel);
    if (!accept_return(span, freed.count(), span.used, freed.list())) return carve(span);
    span.free_list = freed.list();
    span.used -= freed.count();
  }
  if (span.free_list == nullptr) return carve(span);
  take_returned(span);
  return true;
}

// Half of what may be at hand, so that there is room for what the program frees.
void Heap::take_returned(Span& span) noexcept {
  note_in_use(span);
  const SizeClass size_class = span.size_class;
  std::uint32_t listed = span.carved - span.used;
  const std::uint32_t count = std::min(listed, std::max(1U, at_hand_.capacity(size_class) / 2));
  void** const room = at_hand_.grow(size_class, count);
  std::byte* const start = shared_->map->start_of(span);
  Block* block = span.free_list;
  for (std::uint32_t index = count; index-- > 0;) {
    room[index] = block;
    Block* const next = unlink_block(*block);
    if (!accept_link(span, start, next, --listed)) [[unlikely]]
      return drop_list(span, *block, index);
    block = next;
  }
  span.free_list = block;
  span.used += count;
  statistics_.blocks_taken += count;
  statistics_.bytes_taken += std::uint64_t{count} * span.block_bytes;
}

// The link in `damaged` can not be one, and `unread` places at hand have not been filled. What the list held behind it is lost: it counts as
// used for ever, so that nobody ever takes the span for empty.
void Heap::drop_list(Span& span, const Block& damaged, std::uint32_t unread) noexcept {
  report_damaged_link(span, &damaged);
  at_hand_.drop_oldest(span.size_class, unread);
  statistics_.blocks_taken += at_hand_.count(span.size_class);
  statistics_.bytes_taken += std::uint64_t{at_hand_.count(span.size_class)} * span.block_bytes;
  span.free_list = nullptr;
  span.used = span.carved;
}

bool Heap::carve(Span& span) noexcept {
  const SizeClass size_class = span.size_class;
  const std::size_t block_bytes = span.block_bytes;
  const auto wanted = static_cast<std::uint32_t>(std::max<std::size_t>(1, kCarveBytes / block_bytes));
  const std::uint32_t count = std::min({wanted, span.capacity - span.carved, at_hand_.capacity(size_class)});
  if (count == 0) return false;
  note_in_use(span);
  std::byte* const first = shared_->map->start_of(span) + span.carved * block_bytes;
  void** const room = at_hand_.grow(size_class, count);
  for (std::uint32_t index = 0; index < count; ++index) {
    std::byte* const block = first + index * block_bytes;
    room[count - 1 - index] = block;
    // The span may have been of another class, whose free blocks lay elsewhere. Who never gets it out links it as it is.
    unpoison(block, sizeof(Block));
  }
  span.carved += count;
  span.used += count;
  statistics_.blocks_taken += count;
  statistics_.bytes_taken += count * block_bytes;
  return true;
}

// A span with nothing left leaves the queue, unless somebody has just freed one of its blocks.
void Heap::let_go_full(Span& span) noexcept {
  leave_queue(span);
  SharedWord nothing_freed(nullptr, 0, Possession::owned);
  if (span.shared.compare_exchange_strong(nothing_freed, SharedWord(nullptr, 0, Possession::full), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
    return;
  }
  span.queued.store(true, std::memory_order_release);
  queues_[span.size_class].push_front(span);
}

// Brings a span with blocks to the queue, without taking one from the slices. False: there is none.
bool Heap::find_span(SizeClass size_class) noexcept {
  if (mail_.load(std::memory_order_relaxed) != nullptr) {
    drain_mail();
    if (!queues_[size_class].empty()) return true;
  }
  (void)trim_when_due();
  Span* span = shared_->abandoned->claim(size_class);
  if (span == nullptr) return false;
  ++statistics_.claimed_spans;
  queue_up(*span);
  return true;
}

// False: out of memory.
bool Heap::add_fresh_span(SizeClass size_class) noexcept {
  Span* const span = fresh_span(size_class);
  if (span == nullptr) return false;
  queue_up(*span);
  return true;
}

Span* Heap::fresh_span(SizeClass size_class) noexcept {
  const std::uint32_t slices = slices_of_class(size_class);
  Span* span = slices == 1 ? take_empty() : nullptr;
  if (span == nullptr) {
    span = shared_->spans == nullptr ? shared_->slices->allocate(slices, 1, SpanUse::blocks, true)
                                     : shared_->spans->allocate(slices, 1, SpanUse::blocks, true);
  }
  if (span == nullptr) return nullptr;
  ++statistics_.fresh_spans;
  span->free_list = nullptr;
  span->used = span->carved = 0;
  span->capacity = blocks_of_class(size_class);
  span->block_bytes = static_cast<std::uint32_t>(class_bytes(size_class));
  span->size_class = static_cast<std::uint8_t>(size_class);
  span->shared.store(SharedWord(), std::memory_order_relaxed);
  forget_blocks(*span);
  return span;
}

// REQUIRES: possession is `owned`, by this heap.
void Heap::queue_up(Span& span) noexcept {
  span.home.store(this, std::memory_order_relaxed);
  span.owner.store(this, std::memory_order_relaxed);
  span.queued.store(true, std::memory_order_release);
  queues_[span.size_class].push_back(span);
}

void Heap::leave_queue(Span& span) noexcept {
  queues_[span.size_class].remove(span);
  span.queued.store(false, std::memory_order_relaxed);
}

// A full span of ours may have become another heap's while its blocks were at hand here. Read in the order opposite to that in which its
// new owner writes: who sees the new `queued` sees the new owner.
bool Heap::is_queued_here(const Span& span) const noexcept {
  return span.queued.load(std::memory_order_acquire) && span.owner.load(std::memory_order_relaxed) == this;
}

void Heap::free_elsewhere(Span& span, void* address) noexcept {
  if (span.owner.load(std::memory_order_relaxed) == this) return free_local(span.size_class, address);
  if (span.shared.load(std::memory_order_relaxed).possession() == Possession::recycled)
    return remote_frees_.put_recycled(*this, address);
  poison_block(address, span.block_bytes);
  remote_frees_.put(*this, span, address);
}

void Heap::free_to_full_stack(SizeClass size_class, void* address) noexcept {
  if (!at_hand_.grow_capacity(size_class)) return_oldest(size_class, (at_hand_.capacity(size_class) + 1) / 2);
  (void)at_hand_.put(size_class, address);
}

void Heap::return_oldest(SizeClass size_class, std::uint32_t count) noexcept {
  void* const* const oldest = at_hand_.oldest(size_class);
  for (std::uint32_t index = 0; index < count; ++index) {
    give_back(*shared_->map->first_of(shared_->map->entry_of(oldest[index])), oldest[index]);
  }
  statistics_.blocks_returned += count;
  statistics_.bytes_returned += count * class_bytes(size_class);
  at_hand_.drop_oldest(size_class, count);
}

// A block at hand goes back to its span. A full one is ours again by that; what others possess gets it the way of their blocks.
void Heap::give_back(Span& span, void* address) noexcept {
  if (!is_queued_here(span)) {
    if (span.owner.load(std::memory_order_relaxed) != this || !change_possession(span, Possession::full, Possession::owned))
      return remote_frees_.put(*this, span, address);
    queue_up(span);
  }
  if (!accept_return(span, 1, span.used, address)) return;
  auto* block = static_cast<Block*>(address);
  link_block(*block, span.free_list);
  span.free_list = block;
  if (--span.used == 0) retire(span);
}

// REQUIRES: nothing of the span is in use, it is in no list, and this thread possesses it.
void Heap::release(Span& span) noexcept {
  ++statistics_.released_spans;
  give_to_slices(span);
}

void Heap::give_to_slices(Span& span) noexcept {
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  if (shared_->spans == nullptr) {
    shared_->slices->free(span);
  } else {
    shared_->spans->free(span);
  }
  shared_->slices->tick(os::coarse_monotonic_ns());
}

void Heap::flush() noexcept {
  remote_frees_.deliver_all(*this);
  if (mail_.load(std::memory_order_relaxed) != nullptr) drain_mail();
  if (trim_when_due()) collect_emptied();
}

void Heap::put_aside() noexcept {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) return_oldest(size_class, at_hand_.count(size_class));
  remote_frees_.deliver_all(*this);
  // Before the mail is read for the last time: who posts later sees it and abandons the span himself.
  put_aside_.store(true, std::memory_order_seq_cst);
  drain_mail();
  for (SpanList& queue : queues_) put_aside(queue);
}

void Heap::put_aside(SpanList& queue) noexcept {
  while (Span* span = queue.first()) {
    note_in_use(*span);
    leave_queue(*span);
    if (pending(*span) == span->used) {
      release(*span);
    } else {
      abandon(*span);
    }
  }
}

void Heap::abandon(Span& span) noexcept {
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  span.left_in_use.store(span.used, std::memory_order_relaxed);
  (void)change_possession(span, Possession::owned, Possession::abandoned);
  if (!shared_->abandoned->add(span)) give_to_slices(span);
}

void Heap::file_abandoned(Span& span) noexcept {
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.left_in_use.store(span.used, std::memory_order_relaxed);
  if (!shared_->abandoned->add(span)) release(span);
}

void Heap::release_if_empty(Span& span) noexcept {
  if (shared_->abandoned->take_if_empty(span)) release(span);
}

}  // namespace strata::allocator
