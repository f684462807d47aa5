// Spans that have become empty. A heap keeps them for a while, at the end of their class's queue: that class finds its own addresses again,
// which the processor still has in its caches, and a class that needs a span takes an empty one of another before fresh slices.
#include <bit>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/heap.h"
#include "engine/os/coarse_clock.h"

namespace strata::allocator {

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

// Once in a window half of the empty spans go back.
void Heap::trim_when_due() noexcept {
  const std::uint64_t now_ns = os::coarse_monotonic_ns();
  if (now_ns < trim_at_ns_) return;
  trim_at_ns_ = now_ns + shared_->slices->window_ns();
  for (std::uint32_t count = (empty_count_ + 1) / 2; count > 0; --count) {
    Span* const span = take_empty();
    if (span == nullptr) return;
    release(*span);
  }
}

}  // namespace strata::allocator
