#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/sync/event_count.h"
#include "engine/sync/futex.h"

namespace strata::sync {

// A first-in first-out queue of a fixed number of places, for any number of threads at both ends, after D. Vyukov's "Bounded MPMC queue": a
// ring of cells, each with a number that says whose turn it is. Pushing and popping are one compare-and-swap each, repeated if another
// thread comes between, and a fence and a load to see whether somebody sleeps. The blocking forms spin for about a microsecond, then
// sleep in the kernel.
//
// close() ends it: no push succeeds any more; what was pushed before can still be popped, and then pop() says that there is no more. An
// item whose push has returned true is popped by somebody, if anybody pops until the end; what nobody pops is destroyed with the queue.
// The constructor allocates capacity() cells (std::bad_alloc); nothing else allocates.
// Thread safety: all members, from any thread, except the destructor.
template <typename T>
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what all read lies apart from what each end writes
class BoundedQueue {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>);

 public:
  // `capacity` is rounded up to a power of two, and to 2.
  explicit BoundedQueue(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1), cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (std::size_t index = 0; index <= mask_; ++index) cells_[index].turn.store(index, std::memory_order_relaxed);
  }
  ~BoundedQueue() {
    while (try_pop().has_value()) {
    }
  }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False: full or closed; `item` is as it was.
  [[nodiscard]] bool try_push(T& item) noexcept { return attempt_push(item) == Attempt::done; }
  [[nodiscard]] bool try_push(T&& item) noexcept { return try_push(item); }

  // Nothing: empty, or the oldest one's push is half way.
  [[nodiscard]] std::optional<T> try_pop() noexcept {
    std::optional<T> item;
    (void)attempt_pop(item);
    return item;
  }

  // Waits for a place. False: closed, and the item is gone.
  [[nodiscard]] bool push(T item) noexcept {
    Attempt attempt = Attempt::again;
    wait_for(places_, [&] { return (attempt = attempt_push(item)) != Attempt::again; });
    return attempt == Attempt::done;
  }

  // Waits for an item. Nothing: closed, and all that was pushed has been popped.
  [[nodiscard]] std::optional<T> pop() noexcept {
    std::optional<T> item;
    wait_for(items_, [&] { return attempt_pop(item) != Attempt::again; });
    return item;
  }

  void close() noexcept {
    push_position_.fetch_or(kClosed, std::memory_order_seq_cst);
    places_.notify_all();
    items_.notify_all();
  }
  [[nodiscard]] bool closed() const noexcept { return (push_position_.load(std::memory_order_acquire) & kClosed) != 0; }

  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  enum class Attempt : std::uint8_t { done, again, over };

  // `turn` is the position at which the cell can be pushed to next; one more, when it holds the item of that position.
  struct Cell {
    std::atomic<std::size_t> turn;
    alignas(T) std::byte item[sizeof(T)];
  };

  // In the same word as the position, so that no push can take a place after it was closed: an end is an end.
  static constexpr std::size_t kClosed = ~(~std::size_t{0} >> 1);
  static constexpr std::size_t kCacheLineBytes = 64;

  Attempt attempt_push(T& item) noexcept {
    std::size_t position = push_position_.load(std::memory_order_relaxed);
    while (true) {
      if ((position & kClosed) != 0) return Attempt::over;
      Cell& cell = cells_[position & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position) {
        if (!push_position_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) continue;
        ::new (static_cast<void*>(cell.item)) T(std::move(item));
        cell.turn.store(position + 1, std::memory_order_release);
        items_.notify_one();
        // The push behind this one was faster: who was woken for it found this place half way, and may sleep again.
        if (turn_is(position + 1, position + 2)) items_.notify_all();
        // It was closed while this push was half way: all that sleep in pop() may have to learn that it was the last.
        if (closed()) items_.notify_all();
        return Attempt::done;
      }
      const std::size_t before = std::exchange(position, push_position_.load(std::memory_order_relaxed));
      // Nobody else moved on meanwhile: the item of a round ago is still there.
      if (before == position) return Attempt::again;
    }
  }

  Attempt attempt_pop(std::optional<T>& item) noexcept {
    std::size_t position = pop_position_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[position & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position + 1) {
        if (!pop_position_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) continue;
        T* const found = std::launder(reinterpret_cast<T*>(cell.item));
        // cppcheck-suppress nullPointer  // takes the null pointer that a T may be for the address of one
        item.emplace(std::move(*found));
        std::destroy_at(found);
        cell.turn.store(position + mask_ + 1, std::memory_order_release);
        places_.notify_one();
        // Likewise the pop behind this one.
        if (turn_is(position + 1, position + mask_ + 2)) places_.notify_all();
        return Attempt::done;
      }
      const std::size_t before = std::exchange(position, pop_position_.load(std::memory_order_relaxed));
      if (before != position) continue;
      // If it is closed the last place taken is known; a push that has taken one will finish.
      return push_position_.load(std::memory_order_acquire) == (position | kClosed) ? Attempt::over : Attempt::again;
    }
  }

  // To be asked after a notification: of two that finish at neighbouring positions and then ask about each other's, its fence lets one see
  // the other, or the other's notification wakes threads that see both.
  [[nodiscard]] bool turn_is(std::size_t position, std::size_t turn) const noexcept {
    return cells_[position & mask_].turn.load(std::memory_order_acquire) == turn;
  }

  template <typename Attempted>
  static void wait_for(EventCount& event, Attempted&& attempted) noexcept {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (attempted()) return;
      pause();
    }
    while (!attempted()) {
      const EventCount::Ticket ticket = event.prepare();
      if (attempted()) return event.cancel();
      event.wait(ticket);
    }
  }

  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  // Each end's position beside the event that it notifies.
  alignas(kCacheLineBytes) std::atomic<std::size_t> push_position_ = 0;
  EventCount items_;
  alignas(kCacheLineBytes) std::atomic<std::size_t> pop_position_ = 0;
  EventCount places_;
};

}  // namespace strata::sync
