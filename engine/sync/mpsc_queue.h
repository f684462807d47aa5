#pragma once

#include <atomic>
#include <cstddef>

namespace strata::sync {

// What is queued derives from this. In a queue it belongs to the queue; a node is in one queue at a time.
struct MpscQueueNode {
  std::atomic<MpscQueueNode*> next = nullptr;
};

// A first-in first-out queue for any number of threads that push and one that pops, after D. Vyukov's "Intrusive MPSC node-based queue".
// Pushing is wait-free: one atomic exchange and one store. Popping needs no locked instruction but for the last node. 128 bytes, two
// cache lines, so that the consumer's position and the producers' do not disturb each other. Allocates nothing, owns nothing: what
// is in it when it ends stays where it is.
//
// A push has two steps: it takes the place behind the last node, and links that node to its own. Between them the last node and all behind
// it can not be popped, even those whose pushes have returned: when the ones before are gone, pop() says nullptr though empty() is
// false. The producer that stands between needs a few instructions, or, if the system stops it there, its next slice of time: who
// pops must not spin on it for long.
//
// Order: pushes of one thread, and pushes of which one returned before the other began, come out in that order. All that a thread did
// before push() is seen by the consumer after the pop().
// Thread safety: push() and push_chain() from any thread; pop() and empty() from one thread at a time.
template <typename T>
class MpscQueue {
 public:
  constexpr MpscQueue() = default;
  MpscQueue(const MpscQueue&) = delete;
  MpscQueue& operator=(const MpscQueue&) = delete;

  void push(T& item) noexcept {
    MpscQueueNode& node = item;
    node.next.store(nullptr, std::memory_order_relaxed);
    link(take_place(node), node);
  }

  // Those from `first` to `last`, linked by `next` already, with one exchange. Nothing comes between them.
  void push_chain(T& first, T& last) noexcept {
    MpscQueueNode& end = last;
    end.next.store(nullptr, std::memory_order_relaxed);
    link(take_place(end), first);
  }

  // The oldest, nullptr if there is none or if it is not linked yet.
  [[nodiscard]] T* pop() noexcept {
    MpscQueueNode* const node = front_;
    MpscQueueNode* next = node->next.load(std::memory_order_acquire);
    if (node == &stub_) {
      if (next == nullptr) return nullptr;
      front_ = next;
      return pop_linked(*next);
    }
    return pop_linked(*node);
  }

  // Whether nothing is there, pushes half way included.
  [[nodiscard]] bool empty() const noexcept { return front_ == &stub_ && back_.load(std::memory_order_acquire) == &stub_; }

 protected:
  // The two steps of a push, for tests.
  [[nodiscard]] MpscQueueNode& take_place(MpscQueueNode& last) noexcept {
    // Acquire: link() writes into the node before, whose owner must have made it ready.
    return *back_.exchange(&last, std::memory_order_acq_rel);
  }
  static void link(MpscQueueNode& before, MpscQueueNode& first) noexcept { before.next.store(&first, std::memory_order_release); }

 private:
  // REQUIRES: `node` is the front and not the stub.
  [[nodiscard]] T* pop_linked(MpscQueueNode& node) noexcept {
    MpscQueueNode* next = node.next.load(std::memory_order_acquire);
    if (next == nullptr) {
      // Perhaps the last one. A node may only leave when there is one behind it, for the next producer writes into it: the stub goes there.
      if (back_.load(std::memory_order_acquire) != &node) return nullptr;
      stub_.next.store(nullptr, std::memory_order_relaxed);
      link(take_place(stub_), stub_);
      next = node.next.load(std::memory_order_acquire);
      // A producer took the place behind `node` before the stub did, and is half way.
      if (next == nullptr) return nullptr;
    }
    front_ = next;
    return static_cast<T*>(&node);
  }

  static constexpr std::size_t kCacheLineBytes = 64;

  alignas(kCacheLineBytes) std::atomic<MpscQueueNode*> back_ = &stub_;  // producers
  alignas(kCacheLineBytes) MpscQueueNode* front_ = &stub_;              // the consumer
  MpscQueueNode stub_;
};

}  // namespace strata::sync
