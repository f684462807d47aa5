#include "engine/allocator/abandoned_spans.h"

namespace strata::allocator {
namespace {

// Makes the span the caller's without touching what others have freed.
bool set_owned(Span& span, SharedWord& seen) noexcept {
  return span.shared.compare_exchange_weak(seen, SharedWord(seen.list(), seen.count(), Possession::owned),
                                           std::memory_order_acq_rel, std::memory_order_acquire);
}

}  // namespace

bool AbandonedSpans::possess_if_empty(Span& span) noexcept {
  SharedWord seen = span.shared.load(std::memory_order_acquire);
  while (seen.possession() == Possession::abandoned && seen.count() == span.used) {
    if (set_owned(span, seen)) return true;
  }
  return false;
}

bool AbandonedSpans::add(Span& span) noexcept {
  const sync::MutexLock lock(mutex_);
  // Whoever freed the last block before it was filed could not take it out.
  if (possess_if_empty(span)) return false;
  lists_[span.size_class].push_back(span);
  span.linked = true;
  counts_[span.size_class].fetch_add(1, std::memory_order_relaxed);
  return true;
}

Span* AbandonedSpans::claim(SizeClass size_class) noexcept {
  if (counts_[size_class].load(std::memory_order_relaxed) == 0) return nullptr;
  const sync::MutexLock lock(mutex_);
  Span* span = lists_[size_class].first();
  if (span == nullptr) return nullptr;
  lists_[size_class].remove(*span);
  span->linked = false;
  counts_[size_class].fetch_sub(1, std::memory_order_relaxed);
  claims_.fetch_add(1, std::memory_order_relaxed);
  SharedWord seen = span->shared.load(std::memory_order_acquire);
  while (!set_owned(*span, seen)) {
  }
  return span;
}

bool AbandonedSpans::take_if_empty(Span& span) noexcept {
  const sync::MutexLock lock(mutex_);
  if (!span.linked || !possess_if_empty(span)) return false;
  lists_[span.size_class].remove(span);
  span.linked = false;
  counts_[span.size_class].fetch_sub(1, std::memory_order_relaxed);
  return true;
}

std::uint64_t AbandonedSpans::count() const noexcept {
  std::uint64_t total = 0;
  for (const auto& count : counts_) total += count.load(std::memory_order_relaxed);
  return total;
}

}  // namespace strata::allocator
