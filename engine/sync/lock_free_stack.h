#pragma once

#include <atomic>

namespace strata::sync {

// What is stacked derives from this. On a stack it belongs to the stack; a node is on one stack at a time.
struct LockFreeStackNode {
  LockFreeStackNode* below = nullptr;
};

// A last-in first-out list for any number of threads (R. Treiber, "Systems programming: coping with parallelism", 1986). Pushing is one
// compare-and-swap, repeated if another thread comes between; taking all is one exchange. 8 bytes. Allocates nothing, owns nothing.
// It offers no pop of one node, for that is where the ABA problem lies: the node on top is taken and pushed again between the look at
// what lies below it and the swap. A push does not mind, whatever came between: it needs only that the top is the one it linked to.
// All that a thread did before it pushed is seen by the one that takes. Thread safety: all members, from any thread.
template <typename T>
class LockFreeStack {
 public:
  constexpr LockFreeStack() = default;
  LockFreeStack(const LockFreeStack&) = delete;
  LockFreeStack& operator=(const LockFreeStack&) = delete;

  // Returns whether it was empty: then nobody is about to take, and whoever takes may have to be told.
  bool push(T& item) noexcept { return push_chain(item, item); }

  // Those from `top` down to `bottom`, linked by `below` already.
  bool push_chain(T& top, T& bottom) noexcept {
    LockFreeStackNode& lowest = bottom;
    LockFreeStackNode* before = top_.load(std::memory_order_relaxed);
    do {
      lowest.below = before;
      // What lies below was released by its own push; a read-modify-write carries that on.
    } while (!top_.compare_exchange_weak(before, &top, std::memory_order_release, std::memory_order_relaxed));
    return before == nullptr;
  }

  // The whole stack, as a chain that now belongs to the caller: the last pushed, then below() of it, and so on. nullptr: empty.
  [[nodiscard]] T* take_all() noexcept {
    // Does not write the line while there is nothing to take.
    if (empty()) return nullptr;
    return static_cast<T*>(top_.exchange(nullptr, std::memory_order_acquire));
  }

  // The next of a chain that the caller owns. nullptr: it was the last.
  [[nodiscard]] static T* below(const T& item) noexcept {
    return static_cast<T*>(static_cast<const LockFreeStackNode&>(item).below);
  }

  [[nodiscard]] bool empty() const noexcept { return top_.load(std::memory_order_relaxed) == nullptr; }

 private:
  std::atomic<LockFreeStackNode*> top_ = nullptr;
};

}  // namespace strata::sync
