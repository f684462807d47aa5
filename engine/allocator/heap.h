#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/abandoned_spans.h"
#include "engine/allocator/at_hand.h"
#include "engine/allocator/recycled_spans.h"
#include "engine/allocator/remote_frees.h"
#include "engine/allocator/size_class.h"
#include "engine/allocator/slice_allocator.h"
#include "engine/allocator/span.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {

class HeapSpans;

// What a heap did, counted where it takes many blocks at once, never on the way of a single one. Written by the heap's user only.
struct HeapStatistics {
  std::uint64_t blocks_taken = 0;  // from spans, to hand out
  std::uint64_t bytes_taken = 0;
  std::uint64_t blocks_returned = 0;  // to spans of this heap
  std::uint64_t bytes_returned = 0;
  std::uint64_t refills = 0;
  std::uint64_t fresh_spans = 0;
  std::uint64_t claimed_spans = 0;
  std::uint64_t released_spans = 0;
  std::uint64_t mail_drained = 0;    // spans taken up again from the mail
  std::uint64_t recycled_spans = 0;  // of this heap, given up for blocks of other classes
  std::uint64_t remote_blocks = 0;   // freed here, owned elsewhere
  std::uint64_t remote_batches = 0;  // in which they were delivered
  std::uint64_t remote_atomics = 0;  // read-modify-write instructions that succeeded for it
};

// What one thread allocates from: the blocks at hand (at_hand.h), and for each size class a queue of spans to refill them from.
//
// allocate: the newest block at hand. None left: refill() takes, in this order, what was given back to the first span of the queue, what
// other threads freed to it, or makes new blocks in it; a span with nothing left leaves the queue (possession `full`); after the
// queue the mail, abandoned spans, empty ones of other classes, holes in recycled spans, and fresh slices.
// free by the owner: to the blocks at hand; when these are too many, the older half of them goes back to its spans. By another thread:
// remote_frees.h.
//
// Thread safety: one thread at a time uses a heap; post() from any thread. Heaps are never destroyed, only put aside, so a pointer to one
// stays readable.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what other threads write lies apart
class alignas(64) Heap {
 public:
  constexpr Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // The parts of the allocator all heaps share. Set once before any heap is used.
  struct Shared {
    SliceMap* map = nullptr;
    SliceAllocator* slices = nullptr;
    AbandonedSpans* abandoned = nullptr;
    RecycledSpans* recycled = nullptr;  // nullptr: of a shared heap, whose spans are not recycled
    HeapSpans* spans = nullptr;         // of a shared heap, the only way to its slices; nullptr: of a thread's
  };

  // REQUIRES: `at_hand_memory` as for AtHand::place.
  void start(const Shared& shared, void* at_hand_memory) noexcept {
    shared_ = &shared;
    at_hand_.place(at_hand_memory);
  }
  // Whether this is a heap at all: threads begin with an empty one that has nothing at hand and must not be refilled.
  [[nodiscard]] bool started() const noexcept { return shared_ != nullptr; }

  // nullptr: nothing at hand, then refill().
  [[nodiscard]] void* take_at_hand(SizeClass size_class) noexcept { return at_hand_.take(size_class); }
  // A block of the class. nullptr: out of memory. REQUIRES: nothing of it is at hand.
  [[nodiscard]] [[gnu::noinline]] void* refill(SizeClass size_class) noexcept;
  // A block of the class whose size is a multiple of `alignment`, aligned to that. Blocks from holes need not be. nullptr: out of memory.
  [[nodiscard]] void* take_aligned(SizeClass size_class, std::size_t alignment) noexcept;

  // REQUIRES: this heap owns the span of that class which the block belongs to.
  void free_local(SizeClass size_class, void* address) noexcept {
    if (!at_hand_.put(size_class, address)) [[unlikely]]
      free_to_full_stack(size_class, address);
  }
  // Any block of a span of blocks.
  void free_elsewhere(Span& span, void* address) noexcept;

  // Delivers what was freed here for other heaps.
  void deliver() noexcept { remote_frees_.deliver_all(*this); }
  // Delivers what was freed here for other heaps, and looks at the mail. To be called when the thread has nothing to do for a while.
  void flush() noexcept;
  // The user is done: delivers, gives empty spans back and abandons the others.
  void put_aside() noexcept;
  // Gives back the spans it keeps with nothing in use, and for that what it has at hand.
  void release_empty() noexcept;
  // All its spans have gone another way, blocks in use or not: begins anew.
  void forget_spans() noexcept;
  // For a new user.
  void take_up() noexcept { put_aside_.store(false, std::memory_order_seq_cst); }

  [[nodiscard]] bool is_put_aside() const noexcept { return put_aside_.load(std::memory_order_relaxed); }

  // A full span of this heap got blocks back: take it up when you refill. From any thread.
  void post(Span& span) noexcept;
  // A span in the mail has no block in use any more. If there are many of them, the calling thread releases them, for
  // this heap's user may be asleep.
  void note_empty_in_mail() noexcept;

  [[nodiscard]] const HeapStatistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] const Shared& shared() const noexcept { return *shared_; }
  [[nodiscard]] const AtHand& at_hand() const noexcept { return at_hand_; }
  // For checks.
  [[nodiscard]] const SpanList& queue(SizeClass size_class) const noexcept { return queues_[size_class]; }
  [[nodiscard]] std::uint32_t empty_count() const noexcept { return empty_count_; }

  Heap* next_registered = nullptr;  // of the registry of heaps
  std::uint32_t number = 0;         // in it
  Heap* next_unused = nullptr;

 private:
  friend class RemoteFrees;

  // Most spans a heap keeps with nothing of them in use; what is more goes back at once.
  static constexpr std::uint32_t kMostEmpty = 256;
  // Once in so many refills it is looked whether a class has gone out of use.
  static constexpr std::uint32_t kRefillsForALook = 32;
  // So many empty spans in the mail are looked for by whoever freed the last of them, when they are a window old.
  static constexpr std::uint32_t kLeastEmptyInMail = 8;

  [[nodiscard]] bool take_blocks(Span& span) noexcept;
  [[nodiscard]] bool carve(Span& span) noexcept;
  void take_returned(Span& span) noexcept;
  [[gnu::cold, gnu::noinline]] void drop_list(Span& span, const Block& damaged, std::uint32_t unread) noexcept;
  void let_go_full(Span& span) noexcept;
  [[nodiscard]] bool refill_from_spans(SizeClass size_class) noexcept;
  [[nodiscard]] bool find_span(SizeClass size_class) noexcept;
  [[nodiscard]] bool add_fresh_span(SizeClass size_class) noexcept;
  [[nodiscard]] Span* fresh_span(SizeClass size_class) noexcept;
  void queue_up(Span& span) noexcept;
  void leave_queue(Span& span) noexcept;
  [[nodiscard]] bool is_queued_here(const Span& span) const noexcept;
  [[gnu::noinline]] void free_to_full_stack(SizeClass size_class, void* address) noexcept;
  void return_oldest(SizeClass size_class, std::uint32_t count) noexcept;
  void give_back(Span& span, void* address) noexcept;
  void drain_mail() noexcept;
  void retire(Span& span) noexcept;
  void keep_empty(Span& span) noexcept;
  void note_in_use(Span& span) noexcept;
  [[nodiscard]] Span* take_empty() noexcept;
  bool trim_when_due() noexcept;
  void collect_emptied() noexcept;
  [[nodiscard]] bool take_recycled(SizeClass size_class) noexcept;
  void recycle_long_cold() noexcept;
  template <typename SparseAfter>
  [[nodiscard]] bool recycle_a_span(SizeClass except, SparseAfter sparse_after) noexcept;
  [[nodiscard]] bool recycle(SpanList& queue, std::uint32_t least_free) noexcept;
  void release(Span& span) noexcept;
  void put_aside(SpanList& queue) noexcept;
  void abandon(Span& span) noexcept;
  void abandon_mail() noexcept;
  void give_to_slices(Span& span) noexcept;
  // Of spans no heap owns, for RemoteFrees. The first REQUIRES possession `abandoned`, by whoever calls.
  void file_abandoned(Span& span) noexcept;
  void release_if_empty(Span& span) noexcept;

  AtHand at_hand_;
  std::array<SpanList, kSizeClasses> queues_{};
  std::array<std::uint32_t, kSizeClasses> refilled_at_{};  // number of the class's last refill
  SizeClass recycle_next_ = 0;
  SizeClass collect_next_ = 0;
  std::uint32_t empty_count_ = 0;
  std::array<std::uint64_t, (kSizeClasses + 63) / 64> may_have_empty_{};  // a bit for each class
  std::uint64_t trim_at_ns_ = 0;
  const Shared* shared_ = nullptr;
  RemoteFrees remote_frees_;
  HeapStatistics statistics_;

  // Written by other threads.
  alignas(64) sync::Atomic<Span*> mail_ = nullptr;
  sync::Atomic<std::uint32_t> empty_in_mail_ = 0;
  sync::Atomic<std::uint64_t> collect_mail_at_ns_ = 0;  // 0: not until there is something to collect
  sync::Atomic<bool> put_aside_ = false;
};

}  // namespace strata::allocator
