// How a heap comes to blocks from the holes of recycled spans, and gives up sparse spans for that.
#include <algorithm>
#include <array>

#include "engine/allocator/heap.h"
#include "engine/allocator/memory_checks.h"

namespace strata::allocator {
namespace {

constexpr std::uint32_t kMostTaken = 32;
constexpr std::size_t kMostTakenBytes = 4096;
// How many spans are looked at before fresh slices are taken after all.
constexpr unsigned kLooks = 4;

// Which spans of a class are given up.
struct Sparse {
  std::uint32_t spans = 2;       // the class has at least so many,
  std::uint32_t least_free = 0;  // and of this one, one part in so many is free. 0: none is given up
};

// For holes that other classes need: less free would give holes too short for anything. A class that is still asked for keeps what it has,
// unless that is much: blocks in recycled spans are slower, and come from a lock that all threads share.
constexpr Sparse for_holes(std::uint32_t rounds_ago) noexcept {
  return rounds_ago >= 16 ? Sparse{.least_free = 8} : Sparse{.spans = 16, .least_free = 2};
}
// For their whole pages, though nobody needs the holes.
constexpr Sparse for_pages(std::uint32_t rounds_ago) noexcept { return rounds_ago >= 64 ? Sparse{.least_free = 2} : Sparse{}; }

// Refills in which a class that is still asked for has been refilled again.
constexpr std::uint32_t kLeastRound = 4;
constexpr std::uint32_t kRecentRefills = 1024;

}  // namespace

// The second span of the queue, if one part in `least_free` of it is free: the first serves the next refill, and no other has been there
// to get blocks back for so long. Else it goes to the end, so that others have their turn. REQUIRES: the queue has two.
bool Heap::recycle(SpanList& queue, std::uint32_t least_free) noexcept {
  Span& span = *queue.first()->next;
  if (span.kept_empty) return false;
  const std::uint32_t freed = span.shared.load(std::memory_order_acquire).count();
  if ((span.capacity - span.used + freed) * least_free < span.capacity) {
    if (queue.last()->kept_empty) return false;
    queue.remove(span);
    queue.push_back(span);
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

// Looks, class after class, for a sparse span to give up. False: none was found.
template <typename SparseAfter>
bool Heap::recycle_a_span(SizeClass except, SparseAfter sparse_after) noexcept {
  const auto now = static_cast<std::uint32_t>(statistics_.refills);
  // A round: as many refills as there are classes in use.
  const auto in_use = std::count_if(refilled_at_.begin(), refilled_at_.end(),
                                    [&](std::uint32_t refilled_at) { return now - refilled_at < kRecentRefills; });
  const std::uint32_t round = std::max(kLeastRound, static_cast<std::uint32_t>(in_use));
  unsigned looks = 0;
  for (std::size_t step = 0; step < kSizeClasses && looks < kLooks; ++step) {
    recycle_next_ = (recycle_next_ + 1) % static_cast<SizeClass>(kSizeClasses);
    SpanList& queue = queues_[recycle_next_];
    const Sparse sparse = sparse_after((now - refilled_at_[recycle_next_]) / round);
    if (recycle_next_ == except || sparse.least_free == 0 || !RecycledSpans::fits(recycle_next_)) continue;
    if (!queue.has_at_least(sparse.spans)) continue;
    ++looks;
    if (recycle(queue, sparse.least_free)) return true;
  }
  return false;
}

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
  if (taken == 0 && recycle_a_span(size_class, for_holes)) taken = shared_->recycled->take(size_class, blocks.data(), wanted);
  if (taken == 0) return false;
  void** const room = at_hand_.grow(size_class, taken);
  for (std::uint32_t index = 0; index < taken; ++index) room[taken - 1 - index] = blocks[index];
  statistics_.blocks_taken += taken;
  statistics_.bytes_taken += taken * bytes;
  return true;
}

void Heap::recycle_long_cold() noexcept {
  if (kMemoryChecks != MemoryChecks::none || shared_->recycled == nullptr) return;
  (void)recycle_a_span(static_cast<SizeClass>(kSizeClasses), for_pages);
}

}  // namespace strata::allocator
