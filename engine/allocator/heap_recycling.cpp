// How a heap comes to blocks from the holes of recycled spans, and gives up sparse spans for that.
#include <algorithm>
#include <array>

#include "engine/allocator/heap.h"
#include "engine/allocator/memory_checks.h"

namespace strata::allocator {
namespace {

// A class that has not been refilled for so many refills of others is not asked for any more.
constexpr std::uint32_t kColdRefills = 64;
// Such a class's span is given up when so much of it is free: less would give holes too short for anything.
constexpr std::uint32_t kLeastFreeShare = 8;  // one part in
constexpr std::uint32_t kMostTaken = 32;
constexpr std::size_t kMostTakenBytes = 4096;
// How many spans are looked at before fresh slices are taken after all.
constexpr unsigned kLooks = 4;

}  // namespace

// Puts blocks from holes at hand. False: there are none of that size.
bool Heap::take_recycled(SizeClass size_class) noexcept {
  // The checks know where the blocks of a span begin from its class.
  if constexpr (kMemoryChecks != MemoryChecks::none) return false;
  if (shared_->recycled == nullptr || !RecycledSpans::fits(size_class) || empty_count_ > 0) return false;
  const std::size_t bytes = class_bytes(size_class);
  std::array<void*, kMostTaken> blocks;
  const auto page = static_cast<std::uint32_t>(std::max<std::size_t>(1, kMostTakenBytes / bytes));
  const std::uint32_t wanted = std::min({page, kMostTaken, at_hand_.capacity(size_class)});
  std::uint32_t taken = shared_->recycled->take(size_class, blocks.data(), wanted);
  if (taken == 0 && recycle_a_span(size_class)) taken = shared_->recycled->take(size_class, blocks.data(), wanted);
  if (taken == 0) return false;
  void** const room = at_hand_.grow(size_class, taken);
  for (std::uint32_t index = 0; index < taken; ++index) room[taken - 1 - index] = blocks[index];
  statistics_.blocks_taken += taken;
  statistics_.bytes_taken += taken * bytes;
  return true;
}

// Looks, class after class, for a sparse span of one that is not asked for any more. False: none was found.
bool Heap::recycle_a_span(SizeClass wanted) noexcept {
  const auto now = static_cast<std::uint32_t>(statistics_.refills);
  unsigned looks = 0;
  for (std::size_t step = 0; step < kSizeClasses && looks < kLooks; ++step) {
    recycle_next_ = (recycle_next_ + 1) % static_cast<SizeClass>(kSizeClasses);
    SpanList& queue = queues_[recycle_next_];
    if (recycle_next_ == wanted || queue.empty() || queue.has_one() || !RecycledSpans::fits(recycle_next_)) continue;
    if (now - refilled_at_[recycle_next_] < kColdRefills) continue;
    ++looks;
    if (recycle(queue)) return true;
  }
  return false;
}

// The last span of the queue, if it is sparse; else it goes to the front, so that others have their turn.
bool Heap::recycle(SpanList& queue) noexcept {
  Span& span = *queue.last();
  const std::uint32_t freed = span.shared.load(std::memory_order_acquire).count();
  if ((span.capacity - span.used + freed) * kLeastFreeShare < span.capacity) {
    queue.remove(span);
    queue.push_front(span);
    return false;
  }
  leave_queue(span);
  if (!shared_->recycled->add(span)) {
    queue_up(span);
    return false;
  }
  ++statistics_.recycled_spans;
  return true;
}

}  // namespace strata::allocator
