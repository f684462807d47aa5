#include "engine/allocator/heap.h"

#include <algorithm>
#include <cassert>

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
  ++statistics_.refills;
  SpanList& queue = queues_[size_class];
  do {
    while (Span* span = queue.first()) {
      if (Block* list = take_blocks(*span); list != nullptr) {
        at_hand_[size_class] = list->next;
        return list;
      }
      let_go_full(*span);
    }
  } while (find_span(size_class));
  return nullptr;
}

Block* Heap::take_blocks(Span& span) noexcept {
  Block* list = span.free_list;
  std::uint32_t count = span.carved - span.used;
  if (list != nullptr) {
    span.free_list = nullptr;
    span.used = span.carved;
  } else if (pending(span) != 0) {
    // They count as used already, and stay so.
    const SharedWord freed = span.shared.exchange(SharedWord(), std::memory_order_acq_rel);
    list = freed.list();
    count = freed.count();
  } else {
    return carve(span);
  }
  statistics_.blocks_taken += count;
  statistics_.bytes_taken += std::uint64_t{count} * span.block_bytes;
  return list;
}

Block* Heap::carve(Span& span) noexcept {
  const std::size_t block_bytes = span.block_bytes;
  const auto wanted = static_cast<std::uint32_t>(std::max<std::size_t>(1, kCarveBytes / block_bytes));
  const std::uint32_t count = std::min(wanted, span.capacity - span.carved);
  if (count == 0) return nullptr;
  std::byte* const first = shared_->map->start_of(span) + span.carved * block_bytes;
  for (std::uint32_t index = 0; index + 1 < count; ++index) {
    reinterpret_cast<Block*>(first + index * block_bytes)->next = reinterpret_cast<Block*>(first + (index + 1) * block_bytes);
  }
  reinterpret_cast<Block*>(first + (count - 1) * block_bytes)->next = nullptr;
  span.carved += count;
  span.used += count;
  statistics_.blocks_taken += count;
  statistics_.bytes_taken += count * block_bytes;
  return reinterpret_cast<Block*>(first);
}

// A span with nothing left leaves the queue, unless somebody has just freed one of its blocks.
void Heap::let_go_full(Span& span) noexcept {
  SpanList& queue = queues_[span.size_class];
  queue.remove(span);
  // Before anybody else may take it. From here on our own frees go the long way too.
  span.owner.store(nullptr, std::memory_order_relaxed);
  SharedWord nothing_freed(nullptr, 0, Possession::owned);
  if (span.shared.compare_exchange_strong(nothing_freed, SharedWord(nullptr, 0, Possession::full), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
    return;
  }
  span.owner.store(this, std::memory_order_relaxed);
  queue.push_front(span);
}

// Brings a span with blocks to the queue. False: out of memory.
bool Heap::find_span(SizeClass size_class) noexcept {
  if (mail_.load(std::memory_order_relaxed) != nullptr) {
    drain_mail();
    if (!queues_[size_class].empty()) return true;
  }
  Span* span = shared_->abandoned->claim(size_class);
  if (span != nullptr) {
    ++statistics_.claimed_spans;
  } else {
    span = fresh_span(size_class);
    if (span == nullptr) return false;
  }
  queue_up(*span);
  return true;
}

Span* Heap::fresh_span(SizeClass size_class) noexcept {
  const std::uint32_t slices = slices_of_class(size_class);
  Span* span = nullptr;
  if (slices == 1 && spares_ != nullptr) {
    span = spares_;
    spares_ = span->next;
    --spare_count_;
  } else {
    span = shared_->slices->allocate(slices, 1, SpanUse::blocks, true);
    if (span == nullptr) return nullptr;
  }
  ++statistics_.fresh_spans;
  span->free_list = nullptr;
  span->used = span->carved = 0;
  span->capacity = blocks_of_class(size_class);
  span->block_bytes = static_cast<std::uint32_t>(class_bytes(size_class));
  span->size_class = static_cast<std::uint8_t>(size_class);
  span->shared.store(SharedWord(), std::memory_order_relaxed);
  return span;
}

// REQUIRES: possession is `owned`, by this heap.
void Heap::queue_up(Span& span) noexcept {
  span.home.store(this, std::memory_order_relaxed);
  span.owner.store(this, std::memory_order_relaxed);
  queues_[span.size_class].push_back(span);
}

void Heap::free_elsewhere(Span& span, void* address) noexcept {
  if (span.owner.load(std::memory_order_relaxed) == this) return free_local(span, address);
  if (span.home.load(std::memory_order_relaxed) == this && reclaim_full(span, static_cast<Block*>(address))) return;
  remote_frees_.put(*this, span, address);
}

// One of our own blocks comes back to a span that was full: it has blocks again, and is ours again.
bool Heap::reclaim_full(Span& span, Block* block) noexcept {
  if (!change_possession(span, Possession::full, Possession::owned)) return false;
  block->next = nullptr;
  span.free_list = block;
  --span.used;
  queue_up(span);
  return true;
}

// The last block in use has been freed by the owner. One empty span of a class is kept: what frees the last block often needs
// the next soon.
void Heap::retire(Span& span) noexcept {
  SpanList& queue = queues_[span.size_class];
  if (queue.has_one()) return;
  queue.remove(span);
  release(span);
}

// REQUIRES: nothing of the span is in use, it is in no list, and this thread possesses it.
void Heap::release(Span& span) noexcept {
  ++statistics_.released_spans;
  span.owner.store(nullptr, std::memory_order_relaxed);
  if (span.is_one_slice() && spare_count_ < kMostSpares && !is_put_aside()) {
    span.next = spares_;
    spares_ = &span;
    ++spare_count_;
  } else {
    give_to_slices(span);
  }
}

void Heap::give_to_slices(Span& span) noexcept {
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  shared_->slices->free(span);
  shared_->slices->tick(os::coarse_monotonic_ns());
}

void Heap::flush() noexcept {
  remote_frees_.deliver_all(*this);
  if (mail_.load(std::memory_order_relaxed) != nullptr) drain_mail();
}

void Heap::put_aside() noexcept {
  remote_frees_.deliver_all(*this);
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) return_at_hand(size_class);
  // Before the mail is read for the last time: who posts later sees it and abandons the span himself.
  put_aside_.store(true, std::memory_order_seq_cst);
  drain_mail();
  for (SpanList& queue : queues_) leave_queue(queue);
  while (spares_ != nullptr) {
    Span& spare = *spares_;
    spares_ = spare.next;
    give_to_slices(spare);
  }
  spare_count_ = 0;
}

void Heap::leave_queue(SpanList& queue) noexcept {
  while (Span* span = queue.first()) {
    queue.remove(*span);
    if (pending(*span) == span->used) {
      release(*span);
    } else {
      abandon(*span);
    }
  }
}

// All blocks at hand are of one span, the first of the queue: they came from it at the last refill.
void Heap::return_at_hand(SizeClass size_class) noexcept {
  Block* const first = at_hand_[size_class];
  if (first == nullptr) return;
  at_hand_[size_class] = nullptr;
  Span& span = *shared_->map->first_of(shared_->map->entry_of(first));
  std::uint32_t count = 1;
  Block* last = first;
  for (; last->next != nullptr; last = last->next) ++count;
  last->next = span.free_list;
  span.free_list = first;
  span.used -= count;
}

void Heap::abandon(Span& span) noexcept {
  span.owner.store(nullptr, std::memory_order_relaxed);
  span.home.store(nullptr, std::memory_order_relaxed);
  span.left_in_use.store(span.used, std::memory_order_relaxed);
  (void)change_possession(span, Possession::owned, Possession::abandoned);
  if (!shared_->abandoned->add(span)) give_to_slices(span);
}

void Heap::file_abandoned(Span& span) noexcept {
  span.left_in_use.store(span.used, std::memory_order_relaxed);
  if (!shared_->abandoned->add(span)) release(span);
}

void Heap::release_if_empty(Span& span) noexcept {
  if (shared_->abandoned->take_if_empty(span)) release(span);
}

std::uint64_t Heap::blocks_at_hand(SizeClass size_class) const noexcept {
  std::uint64_t count = 0;
  for (const Block* block = at_hand_[size_class]; block != nullptr; block = block->next) ++count;
  return count;
}

}  // namespace strata::allocator
