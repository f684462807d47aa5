#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/abandoned_spans.h"
#include "engine/allocator/remote_frees.h"
#include "engine/allocator/size_class.h"
#include "engine/allocator/slice_allocator.h"
#include "engine/allocator/span.h"

namespace strata::allocator {

// What a heap did, counted where it takes many blocks at once, never on the way of a single one. Written by the heap's user only.
struct HeapStatistics {
  std::uint64_t blocks_taken = 0;  // from spans, to hand out
  std::uint64_t bytes_taken = 0;
  std::uint64_t refills = 0;
  std::uint64_t fresh_spans = 0;
  std::uint64_t claimed_spans = 0;
  std::uint64_t released_spans = 0;
  std::uint64_t mail_drained = 0;    // spans taken up again from the mail
  std::uint64_t remote_blocks = 0;   // freed here, owned elsewhere
  std::uint64_t remote_batches = 0;  // in which they were delivered
  std::uint64_t remote_atomics = 0;  // read-modify-write instructions that succeeded for it
};

// The blocks one thread allocates from: for each size class a list of blocks at hand and a queue of spans to refill it from.
//
// allocate: the first block at hand. None left: refill() takes, in this order, what the owner freed to the first span of the queue, what
// others freed to it, or makes new blocks in it; a span with nothing left leaves the queue (possession `full`); after the queue the
// mail, abandoned spans, and fresh slices.
// free by the owner: onto the span's list. By another thread: remote_frees.h.
//
// Thread safety: one thread at a time uses a heap; post() from any thread. Heaps are never destroyed, only put aside, so a pointer to one
// stays readable.
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
  };

  void start(const Shared& shared) noexcept { shared_ = &shared; }
  // Whether this is a heap at all: threads begin with an empty one that has nothing at hand and must not be refilled.
  [[nodiscard]] bool started() const noexcept { return shared_ != nullptr; }

  // The first block at hand, or nullptr: then refill().
  [[nodiscard]] void* take_at_hand(SizeClass size_class) noexcept {
    Block* block = at_hand_[size_class];
    if (block == nullptr) [[unlikely]]
      return nullptr;
    at_hand_[size_class] = block->next;
    return block;
  }
  // A block of the class. nullptr: out of memory.
  [[nodiscard]] void* refill(SizeClass size_class) noexcept;

  // REQUIRES: this heap owns the span, which the block belongs to.
  void free_local(Span& span, void* address) noexcept {
    auto* block = static_cast<Block*>(address);
    block->next = span.free_list;
    span.free_list = block;
    if (--span.used == 0) [[unlikely]]
      retire(span);
  }
  // Any block of a span of blocks that is not a one-slice span of this heap.
  void free_elsewhere(Span& span, void* address) noexcept;

  // Delivers what was freed here for other heaps, and looks at the mail. To be called when the thread has nothing to do for a while.
  void flush() noexcept;
  // The user is done: delivers, gives empty spans back and abandons the others.
  void put_aside() noexcept;
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
  [[nodiscard]] std::uint64_t blocks_at_hand(SizeClass size_class) const noexcept;

  Heap* next_registered = nullptr;  // of the registry of heaps
  Heap* next_unused = nullptr;

 private:
  friend class RemoteFrees;

  // Empty one-slice spans kept for the next class that needs one.
  static constexpr std::uint32_t kMostSpares = 8;
  static constexpr std::uint32_t kMostEmptyInMail = 8;

  [[nodiscard]] Block* take_blocks(Span& span) noexcept;
  [[nodiscard]] Block* carve(Span& span) noexcept;
  void let_go_full(Span& span) noexcept;
  [[nodiscard]] bool find_span(SizeClass size_class) noexcept;
  [[nodiscard]] Span* fresh_span(SizeClass size_class) noexcept;
  void queue_up(Span& span) noexcept;
  [[nodiscard]] bool reclaim_full(Span& span, Block* block) noexcept;
  void drain_mail() noexcept;
  void retire(Span& span) noexcept;
  void release(Span& span) noexcept;
  void return_at_hand(SizeClass size_class) noexcept;
  void leave_queue(SpanList& queue) noexcept;
  void abandon(Span& span) noexcept;
  void abandon_mail() noexcept;
  void give_to_slices(Span& span) noexcept;
  // Of spans no heap owns, for RemoteFrees. The first REQUIRES possession `abandoned`, by whoever calls.
  void file_abandoned(Span& span) noexcept;
  void release_if_empty(Span& span) noexcept;

  std::array<Block*, kSizeClasses> at_hand_{};
  std::array<SpanList, kSizeClasses> queues_{};
  Span* spares_ = nullptr;  // linked by `next`
  std::uint32_t spare_count_ = 0;
  const Shared* shared_ = nullptr;
  RemoteFrees remote_frees_;
  HeapStatistics statistics_;

  // Written by other threads.
  alignas(64) std::atomic<Span*> mail_ = nullptr;
  std::atomic<std::uint32_t> empty_in_mail_ = 0;
  std::atomic<bool> put_aside_ = false;
};

}  // namespace strata::allocator
