// Spans that have become empty. A heap keeps them for a while, at the end of their class's queue: that class finds its own addresses again,
// which the processor still has in its caches, and a class that needs a span takes an empty one of another before fresh slices.
#include <bit>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/heap.h"
#include "engine/os/coarse_clock.h"

namespace strata::allocator {
namespace {

constexpr unsigned kMostLooks = 1024;

}  // namespace

// The last block in use has come back. Its blocks are made anew when they are needed: in the order of their addresses, which processors
// fetch ahead, and without reading what has been in the list. REQUIRES: the span is in the queue.
void Heap::retire(Span& span) noexcept {
  unlink_all(span);
  span.free_list = nullptr;
  span.used = span.carved = 0;
  span.shared.store(SharedWord(), std::memory_order_relaxed);
  if (span.is_one_slice() && empty_count_ < kMostEmpty) {
    queues_[span.size_class].remove(span);
    queues_[span.size_class].push_back(span);
    keep_empty(span);
  } else if (!queues_[span.size_class].has_one()) {
    leave_queue(span);
    release(span);
  }
}

void Heap::keep_empty(Span& span) noexcept {
  if (span.kept_empty) return;
  span.kept_empty = true;
  ++empty_count_;
  may_have_empty_[span.size_class / 64] |= std::uint64_t{1} << (span.size_class % 64);
}

void Heap::note_in_use(Span& span) noexcept {
  if (!span.kept_empty) return;
  span.kept_empty = false;
  --empty_count_;
}

// An empty span out of the queue of whatever class has one. nullptr: none.
Span* Heap::take_empty() noexcept {
  if (empty_count_ == 0) return nullptr;
  for (std::size_t word = 0; word < may_have_empty_.size(); ++word) {
    while (may_have_empty_[word] != 0) {
      Span* const last = queues_[word * 64 + static_cast<std::size_t>(std::countr_zero(may_have_empty_[word]))].last();
      if (last != nullptr && last->kept_empty) {
        note_in_use(*last);
        leave_queue(*last);
        return last;
      }
      may_have_empty_[word] &= may_have_empty_[word] - 1;
    }
  }
  return nullptr;
}

// Once in a window half of the empty spans go back. False: it is not over yet.
bool Heap::trim_when_due() noexcept {
  const std::uint64_t now_ns = os::coarse_monotonic_ns();
  if (now_ns < trim_at_ns_) return false;
  trim_at_ns_ = now_ns + shared_->slices->window_ns();
  for (std::uint32_t count = (empty_count_ + 1) / 2; count > 0; --count) {
    Span* const span = take_empty();
    if (span == nullptr) break;
    release(*span);
  }
  return true;
}

// Spans of the queues that others have emptied: who frees a block of a span that is not full tells nobody. Looks through the queues of some
// classes, the next time through others.
void Heap::collect_emptied() noexcept {
  unsigned looks = 0;
  for (std::size_t step = 0; step < kSizeClasses && looks < kMostLooks; ++step) {
    collect_next_ = (collect_next_ + 1) % static_cast<SizeClass>(kSizeClasses);
    Span* next = nullptr;
    for (Span* span = queues_[collect_next_].first(); span != nullptr; span = next, ++looks) {
      next = span->next;
      if (!span->kept_empty && span->shared.load(std::memory_order_acquire).count() == span->used) retire(*span);
    }
  }
}

void Heap::release_empty() noexcept {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) return_oldest(size_class, at_hand_.count(size_class));
  for (SpanList& queue : queues_) {
    Span* next = nullptr;
    for (Span* span = queue.first(); span != nullptr; span = next) {
      next = span->next;
      if (span->used != span->shared.load(std::memory_order_acquire).count()) continue;
      note_in_use(*span);
      leave_queue(*span);
      release(*span);
    }
  }
}

void Heap::forget_spans() noexcept {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class)
    at_hand_.drop_oldest(size_class, at_hand_.count(size_class));
  queues_ = {};
  empty_count_ = 0;
  may_have_empty_ = {};
}

}  // namespace strata::allocator
