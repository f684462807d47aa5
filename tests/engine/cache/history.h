#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "engine/os/clock.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

// What threads did to a key/value store and when, for linearizability.h to judge. Knows nothing of the store: keys are small numbers, values are
// numbers that should be written once each, so that a read tells which write it saw.
namespace strata::history {

using KeyId = std::uint32_t;
using Value = std::uint64_t;

inline constexpr Value kAbsent = 0;                                   // no such key
inline constexpr Value kDamaged = std::numeric_limits<Value>::max();  // bytes that are no value: nobody ever writes it
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();    // no expiry
inline constexpr std::int64_t kNoClock = std::numeric_limits<std::int64_t>::min();  // nothing expires for this operation

// The value of a thread's `number`-th write; texts show it as "thread.number".
[[nodiscard]] constexpr Value unique_value(std::size_t thread, std::uint64_t number) noexcept {
  return (static_cast<Value>(thread) + 1) << 40U | number;
}

// --- stamps -------------------------------------------------------------------------------------------------------------------

// When an operation counts as answered: the moment its last instruction is done, or the moment its stores have left the processor's store buffer.
// The first is what linearizability asks for: a SET that was answered while its store still waits is missed by a GET on another processor that
// begins afterwards, and SET x, GET y against SET y, GET x may both answer with the old values. The second forgives that, and must not be
// the default: the fence also empties the buffer before the thread's next operation, so that such a pair can not be seen any more.
enum class Answered : std::uint8_t { when_executed, when_visible };

// Of one clock for all processors: the cycle counter where it is invariant, else the steady clock (engine/os/clock.h).
// A stamp may not slip into the operation, nor the operation's loads over the stamp, or two operations that followed each other would look
// concurrent (and hide a fault) or the other way round (and accuse). RDTSC is ordered with nothing; LFENCE waits until everything before it has
// executed, loads included, and lets nothing after it begin. So it stands on both sides of the one, and before the other: what comes
// after a response is the recording alone, and the next invocation has its own. Two of them cost about 20 ns, less than one miss of the cache.
[[nodiscard]] inline std::uint64_t stamp_invocation() noexcept {
#if defined(__x86_64__)
  _mm_lfence();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const std::uint64_t stamp = os::CycleClock::ticks();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  _mm_lfence();
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::uint64_t stamp = os::CycleClock::ticks();
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return stamp;
}

[[nodiscard]] inline std::uint64_t stamp_response(Answered answered) noexcept {
#if defined(__x86_64__)
  if (answered == Answered::when_visible) _mm_mfence();
  _mm_lfence();
#else
  static_cast<void>(answered);  // no cheaper fence orders a clock that is a function call
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return os::CycleClock::ticks();
}

// --- operations ---------------------------------------------------------------------------------------------------------------

// For the text only: what an operation means is in its effects.
enum class Kind : std::uint8_t {
  get,
  set,
  remove,
  update,
  increment,
  get_many,
  set_many,
  update_many,
  flush,
  invalidate,
  upkeep
};

enum class Sight : std::uint8_t { none, value, presence };

// What an operation saw and left at one key. All effects of an operation happen at one moment, in their order.
struct Effect {
  KeyId key = 0;
  Sight sight = Sight::none;  // presence: it was there, with whatever value
  bool writes = false;
  Value seen = kAbsent;
  Value written = kAbsent;          // kAbsent removes
  std::int64_t expire_at = kNever;  // of what is written, by the clocks that operations bring (Operation::now)

  [[nodiscard]] static Effect read(KeyId key, Value seen) noexcept { return {.key = key, .sight = Sight::value, .seen = seen}; }
  [[nodiscard]] static Effect write(KeyId key, Value written, std::int64_t expire_at = kNever) noexcept {
    return {.key = key, .writes = true, .written = written, .expire_at = expire_at};
  }
  [[nodiscard]] static Effect exchange(KeyId key, Value seen, Value written, std::int64_t expire_at = kNever) noexcept {
    return {.key = key, .sight = Sight::value, .writes = true, .seen = seen, .written = written, .expire_at = expire_at};
  }
  // Removal that tells whether there was anything.
  [[nodiscard]] static Effect remove(KeyId key, bool was_there) noexcept {
    return {.key = key, .sight = was_there ? Sight::presence : Sight::value, .writes = true};
  }
  [[nodiscard]] static Effect erase(KeyId key) noexcept { return write(key, kAbsent); }  // that tells nothing
};

struct Operation {
  std::uint64_t invoked = 0;
  std::uint64_t responded = 0;
  std::int64_t now = kNoClock;  // what is written with an expiry up to this is missing for this operation
  std::uint32_t first_effect = 0;
  std::uint32_t effect_count = 0;
  Kind kind = Kind::get;
};

// The operations of one thread, one after the other. Room for them is taken, and touched, at construction.
// Thread safety: none: it belongs to its thread until that has ended.
class ThreadLog {
 public:
  explicit ThreadLog(std::size_t operations = 0, std::size_t effects = 0, Answered answered = Answered::when_executed);

  [[nodiscard]] bool has_room(std::size_t effects) const noexcept {
    return operation_count_ < operations_.size() && effect_count_ + effects <= effects_.size();
  }
  // Right before the call and right after it; what it saw and wrote is noted after that. REQUIRES: has_room
  void invoke(Kind kind, std::int64_t now = kNoClock) noexcept {
    Operation& operation = operations_[operation_count_];
    operation.kind = kind;
    operation.now = now;
    operation.first_effect = static_cast<std::uint32_t>(effect_count_);
    operation.invoked = stamp_invocation();
  }
  void respond() noexcept {
    const std::uint64_t stamp = stamp_response(answered_);
    operations_[operation_count_++].responded = stamp;
  }
  void note(const Effect& effect) noexcept {
    effects_[effect_count_++] = effect;
    ++operations_[operation_count_ - 1].effect_count;
  }
  // The same by hand, with any stamps.
  void append(Operation operation, std::span<const Effect> effects);

  [[nodiscard]] std::span<const Operation> operations() const noexcept { return std::span(operations_).first(operation_count_); }
  [[nodiscard]] std::span<const Effect> effects_of(const Operation& operation) const noexcept {
    return std::span(effects_).subspan(operation.first_effect, operation.effect_count);
  }

 private:
  std::vector<Operation> operations_;
  std::vector<Effect> effects_;
  std::size_t operation_count_ = 0;
  std::size_t effect_count_ = 0;
  Answered answered_;
};

// From one stamp to another, both included.
struct Span {
  std::uint64_t from = 0;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
};

// Begins with an empty store.
struct History {
  std::vector<ThreadLog> threads;
  std::vector<Span> evictions;  // when keys may have vanished for want of memory; empty: never
};

// "3.17" for a value of unique_value, else the plain number.
[[nodiscard]] std::string text_of(Value value);
// "get(k3) -> 1.17".
[[nodiscard]] std::string text_of(Kind kind, std::span<const Effect> effects);

}  // namespace strata::history
