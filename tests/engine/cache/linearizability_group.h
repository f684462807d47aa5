#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "tests/engine/cache/history.h"

// A history prepared for the search of linearizability.h: its groups of keys, and the steps of one of them.
namespace strata::history {

inline constexpr std::size_t kMostLanes = 64;
inline constexpr std::uint64_t kPending = std::numeric_limits<std::uint64_t>::max();

// A value that some operation of the group saw at a key or wrote to it. Slot 0 is "absent", of every key.
struct Slot {
  std::uint32_t key = 0;
  Value value = kAbsent;
  std::uint64_t written_from = kPending;  // the first invocation of a write of it
  // Steps that see and write it:
  std::uint32_t readers = 0;
  std::uint32_t due_readers = 0;  // those that are not optional
  std::uint32_t writers = 0;
};

struct StepEffect {
  std::uint32_t key = 0;  // number in the group
  std::uint32_t seen = 0;
  std::uint32_t written = 0;
  Sight sight = Sight::none;
  bool writes = false;
  std::int64_t expire_at = kNever;
};

// By which clocks and evictions keys may have vanished up to some moment.
struct Vanishing {
  std::int64_t latest_now = kNoClock;  // of all operations invoked up to it
  std::uint64_t evicted_until = 0;     // the latest end of an eviction that began up to it
};

// One operation's part in the group.
struct Step {
  std::uint64_t invoked = 0;
  std::uint64_t responded = 0;  // kPending when optional
  std::int64_t now = kNoClock;
  Vanishing vanishing;  // up to the response
  std::uint32_t first_effect = 0;
  std::uint32_t effect_count = 0;
  std::uint32_t thread = 0;
  std::uint32_t operation = 0;  // number in its thread
  bool optional = false;        // it may have taken effect or not: the history ends before its response
};

// A lane is the steps of one thread, in their order.
struct Group {
  std::vector<Step> steps;  // lane after lane
  std::vector<std::uint32_t> lane_ends;
  std::vector<StepEffect> effects;
  std::vector<Slot> slots;
  std::vector<KeyId> keys;
  bool has_evictions = false;

  [[nodiscard]] std::span<const StepEffect> effects_of(const Step& step) const noexcept {
    return std::span(effects).subspan(step.first_effect, step.effect_count);
  }
};

// What the store holds at a key.
struct Held {
  std::uint32_t slot = 0;
  std::int64_t expire_at = kNever;

  bool operator==(const Held&) const = default;
};

// What the step finds at a key that holds `held`, if its effect number `index` can be true: slot 0 where the key has vanished.
// `vanishing` is of the moment by which the step has to stand: the first response of those not in the order yet. So what may vanish for one
// step may vanish for all that come after it, and it is enough to let it vanish where a step misses it.
struct Found {
  bool fits = false;
  std::uint32_t slot = 0;
};
[[nodiscard]] Found find(const Group& group, const Step& step, std::size_t index, const Held& held,
                         const Vanishing& vanishing) noexcept;

// Which operation of which thread.
struct Reference {
  std::uint32_t thread = 0;
  std::uint32_t operation = 0;
};

// Keys, and the operations with an effect on one of them, thread by thread.
struct Part {
  std::vector<KeyId> keys;
  std::vector<Reference> operations;
};

// The parts that have no operation in common, each as small as can be.
[[nodiscard]] std::vector<Part> parts_of(const History& history);
// The part of one key among those of `part`.
[[nodiscard]] Part part_of_key(const History& history, const Part& part, KeyId key);

// When clocks and evictions were what they were.
class Timeline {
 public:
  explicit Timeline(const History& history);

  [[nodiscard]] Vanishing up_to(std::uint64_t stamp) const noexcept;
  [[nodiscard]] bool has_evictions() const noexcept { return !evicted_until_.empty(); }

 private:
  // By their stamps, the greatest up to each.
  std::vector<std::pair<std::uint64_t, std::int64_t>> latest_now_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> evicted_until_;
};

// The history of a part up to `cutoff`: what was invoked later is left out, what responded later is optional.
[[nodiscard]] Group make_group(const History& history, const Timeline& timeline, const Part& part,
                               std::uint64_t cutoff = kPending);

}  // namespace strata::history
