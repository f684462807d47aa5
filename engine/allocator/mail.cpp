// The mail of a heap: spans that were full when other threads freed blocks of theirs. A stack that many push and one takes whole, so
// that no element is ever popped alone and none can be mistaken for its successor (the ABA problem).
#include "engine/allocator/heap.h"
#include "engine/os/coarse_clock.h"

namespace strata::allocator {

void Heap::post(Span& span) noexcept {
  Span* first = mail_.load(std::memory_order_relaxed);
  do {
    span.next_mail = first;
  } while (!mail_.compare_exchange_weak(first, &span, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (put_aside_.load(std::memory_order_seq_cst)) abandon_mail();
}

void Heap::drain_mail() noexcept {
  empty_in_mail_.store(0, std::memory_order_relaxed);
  collect_mail_at_ns_.store(0, std::memory_order_relaxed);
  Span* span = mail_.exchange(nullptr, std::memory_order_seq_cst);
  while (span != nullptr) {
    Span& taken = *span;
    span = taken.next_mail;
    ++statistics_.mail_drained;
    SharedWord seen = taken.shared.load(std::memory_order_acquire);
    while (!taken.shared.compare_exchange_weak(seen, SharedWord(seen.list(), seen.count(), Possession::owned),
                                               std::memory_order_acq_rel, std::memory_order_acquire)) {
    }
    queue_up(taken);
    if (seen.count() == taken.used) retire(taken);
  }
}

// For a heap whose user has gone; by whoever posts to it or put it aside.
void Heap::abandon_mail() noexcept {
  Span* span = mail_.exchange(nullptr, std::memory_order_seq_cst);
  while (span != nullptr) {
    Span& taken = *span;
    span = taken.next_mail;
    taken.owner.store(nullptr, std::memory_order_relaxed);
    taken.left_in_use.store(taken.used, std::memory_order_relaxed);
    SharedWord seen = taken.shared.load(std::memory_order_acquire);
    while (!taken.shared.compare_exchange_weak(seen, SharedWord(seen.list(), seen.count(), Possession::abandoned),
                                               std::memory_order_acq_rel, std::memory_order_acquire)) {
    }
    if (!shared_->abandoned->add(taken)) give_to_slices(taken);
  }
}

void Heap::note_empty_in_mail() noexcept {
  if (empty_in_mail_.fetch_add(1, std::memory_order_relaxed) + 1 < kLeastEmptyInMail) return;
  const std::uint64_t now_ns = os::coarse_monotonic_ns();
  const std::uint64_t window_ns = shared_->slices->window_ns();
  const std::uint64_t due_ns = collect_mail_at_ns_.load(std::memory_order_relaxed);
  if (due_ns == 0 && window_ns != 0) collect_mail_at_ns_.store(now_ns + window_ns, std::memory_order_relaxed);
  if (due_ns == 0 ? window_ns != 0 : now_ns < due_ns) return;
  collect_mail_at_ns_.store(0, std::memory_order_relaxed);
  empty_in_mail_.store(0, std::memory_order_relaxed);
  Span* span = mail_.exchange(nullptr, std::memory_order_seq_cst);
  Span* kept = nullptr;
  Span* last_kept = nullptr;
  while (span != nullptr) {
    Span& taken = *span;
    span = taken.next_mail;
    // Out of the mail, the span is nobody's but ours, and no block of it can be freed once more.
    if (taken.shared.load(std::memory_order_acquire).count() == taken.capacity) {
      give_to_slices(taken);
      continue;
    }
    taken.next_mail = kept;
    if (kept == nullptr) last_kept = &taken;
    kept = &taken;
  }
  if (kept == nullptr) return;
  Span* first = mail_.load(std::memory_order_relaxed);
  do {
    last_kept->next_mail = first;
  } while (!mail_.compare_exchange_weak(first, kept, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (put_aside_.load(std::memory_order_seq_cst)) abandon_mail();
}

}  // namespace strata::allocator
