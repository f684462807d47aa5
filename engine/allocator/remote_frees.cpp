#include "engine/allocator/remote_frees.h"

#include <algorithm>

#include "engine/allocator/free_links.h"
#include "engine/allocator/heap.h"

namespace strata::allocator {
namespace {

// A full span goes to its heap's mail when an eighth of it is free: the heap gets it back soon, and posting costs one atomic in as many
// frees as that is.
constexpr std::uint32_t kMailShare = 8;

Possession after_freeing(SharedWord seen, std::uint32_t freed, std::uint32_t capacity, const Heap* home) noexcept {
  if (seen.possession() != Possession::full) return seen.possession();
  if (freed == capacity) return Possession::owned;  // by whoever brings this about: nothing of it is in use
  if (freed < std::max(1U, capacity / kMailShare)) return Possession::full;
  return home->is_put_aside() ? Possession::abandoned : Possession::mailed;
}

}  // namespace

void RemoteFrees::put(Heap& heap, Span& span, void* address) noexcept {
  auto* block = static_cast<Block*>(address);
  Batch& batch = batches_[(reinterpret_cast<std::uintptr_t>(&span) / sizeof(Span)) % kBatches];
  if (batch.span != &span) {
    if (batch.span != nullptr) deliver(heap, batch);
    batch = {.span = &span, .last = block};
  }
  link_block(*block, batch.first);
  batch.first = block;
  ++batch.count;
  ++heap.statistics_.remote_blocks;
  pending_bytes_ += span.block_bytes;
  if (pending_bytes_ >= kMostPendingBytes) {
    deliver_all(heap);
  } else if (batch.count >= kBatchBlocks) {
    deliver(heap, batch);
  }
}

void RemoteFrees::put_recycled(Heap& heap, void* address) noexcept {
  recycled_[recycled_count_++] = address;
  if (recycled_count_ == kMostRecycled) deliver_recycled(heap);
}

void RemoteFrees::deliver_recycled(Heap& heap) noexcept {
  if (recycled_count_ != 0) heap.shared_->recycled->free(recycled_.data(), recycled_count_);
  recycled_count_ = 0;
}

void RemoteFrees::deliver_all(Heap& heap) noexcept {
  if (pending_bytes_ != 0) {
    for (Batch& batch : batches_) {
      if (batch.span != nullptr) deliver(heap, batch);
    }
    pending_bytes_ = 0;
  }
  // Last, for batches may have turned out to be of recycled spans.
  deliver_recycled(heap);
}

void RemoteFrees::deliver(Heap& heap, Batch& batch) noexcept {
  Span& span = *batch.span;
  const Batch delivered = batch;
  batch = Batch();
  pending_bytes_ -= std::min<std::size_t>(pending_bytes_, std::size_t{delivered.count} * span.block_bytes);
  ++heap.statistics_.remote_batches;
  ++heap.statistics_.remote_atomics;
  // Read before the blocks are delivered: after that others may find the span empty and use it for something else.
  Heap* const home = span.home.load(std::memory_order_relaxed);
  const std::uint32_t capacity = span.capacity;
  SharedWord seen = span.shared.load(std::memory_order_acquire);
  SharedWord left;
  do {
    if (seen.possession() == Possession::recycled) {
      // It was not when the batch was begun.
      delivered.last->next = nullptr;
      for (Block* block = delivered.first; block != nullptr;) {
        Block* const next = block->next;
        put_recycled(heap, block);
        block = next;
      }
      return;
    }
    link_block(*delivered.last, seen.list());
    const std::uint32_t freed = seen.count() + delivered.count;
    if (!accept_return(span, freed, capacity, delivered.first)) [[unlikely]]
      return;
    left = SharedWord(delivered.first, freed, after_freeing(seen, freed, capacity, home));
  } while (!span.shared.compare_exchange_weak(seen, left, std::memory_order_acq_rel, std::memory_order_acquire));
  act_after(heap, span, seen, left, home, capacity);
}

// What the delivery has brought about is for this thread to do.
void RemoteFrees::act_after(Heap& heap, Span& span, SharedWord before, SharedWord after, Heap* home,
                            std::uint32_t capacity) noexcept {
  const Possession possession = after.possession();
  if (before.possession() == Possession::full) {
    if (possession == Possession::owned) {
      heap.release(span);
    } else if (possession == Possession::mailed) {
      ++heap.statistics_.remote_atomics;
      home->post(span);
    } else if (possession == Possession::abandoned) {
      heap.file_abandoned(span);
    }
  } else if (possession == Possession::mailed && after.count() == capacity) {
    home->note_empty_in_mail();
  } else if (possession == Possession::abandoned && after.count() == span.left_in_use.load(std::memory_order_relaxed)) {
    heap.release_if_empty(span);
  }
}

}  // namespace strata::allocator
