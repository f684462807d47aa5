#include "tests/engine/cache/linearizability_group.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

namespace strata::history {

namespace {

// Disjoint sets of keys (union-find with path halving).
class KeySets {
 public:
  // The number of a key, in the order they come.
  std::uint32_t number_of(KeyId key) {
    const auto [found, is_new] = numbers_.try_emplace(key, static_cast<std::uint32_t>(parents_.size()));
    if (is_new) {
      parents_.push_back(found->second);
      keys_.push_back(key);
    }
    return found->second;
  }
  std::uint32_t set_of(std::uint32_t number) {
    while (parents_[number] != number) number = parents_[number] = parents_[parents_[number]];
    return number;
  }
  void join(std::uint32_t a, std::uint32_t b) { parents_[set_of(a)] = set_of(b); }

  [[nodiscard]] const std::vector<KeyId>& keys() const noexcept { return keys_; }

 private:
  std::unordered_map<KeyId, std::uint32_t> numbers_;
  std::vector<std::uint32_t> parents_;
  std::vector<KeyId> keys_;
};

template <typename Visit>
void for_each_operation(const History& history, Visit visit) {
  for (std::size_t thread = 0; thread < history.threads.size(); ++thread) {
    const ThreadLog& log = history.threads[thread];
    const std::span<const Operation> operations = log.operations();
    for (std::size_t i = 0; i < operations.size(); ++i) {
      visit(Reference{static_cast<std::uint32_t>(thread), static_cast<std::uint32_t>(i)}, operations[i],
            log.effects_of(operations[i]));
    }
  }
}

template <typename Stamped>
void make_running_maximum(std::vector<Stamped>& values) {
  std::ranges::sort(values);
  for (std::size_t i = 1; i < values.size(); ++i) values[i].second = std::max(values[i].second, values[i - 1].second);
}

// The numbers of the keys and values of a group.
class Numbering {
 public:
  explicit Numbering(Group& group) : group_(group) {
    group.slots.emplace_back();
    for (std::size_t i = 0; i < group.keys.size(); ++i) keys_[group.keys[i]] = static_cast<std::uint32_t>(i);
    slots_.resize(group.keys.size());
  }

  [[nodiscard]] bool has(KeyId key) const { return keys_.contains(key); }
  StepEffect operator()(const Effect& effect) {
    const std::uint32_t key = keys_.at(effect.key);
    return {.key = key,
            .seen = effect.sight == Sight::value ? slot_of(key, effect.seen) : 0,
            .written = effect.writes ? slot_of(key, effect.written) : 0,
            .sight = effect.sight,
            .writes = effect.writes,
            .expire_at = effect.written == kAbsent ? kNever : effect.expire_at};
  }

 private:
  std::uint32_t slot_of(std::uint32_t key, Value value) {
    if (value == kAbsent) return 0;
    const auto [found, is_new] = slots_[key].try_emplace(value, static_cast<std::uint32_t>(group_.slots.size()));
    if (is_new) group_.slots.push_back({.key = key, .value = value});
    return found->second;
  }

  Group& group_;
  std::unordered_map<KeyId, std::uint32_t> keys_;
  std::vector<std::unordered_map<Value, std::uint32_t>> slots_;
};

void count_in(Group& group, const Step& step) {
  for (const StepEffect& effect : group.effects_of(step)) {
    if (effect.sight == Sight::value) {
      ++group.slots[effect.seen].readers;
      if (!step.optional) ++group.slots[effect.seen].due_readers;
    }
    if (!effect.writes) continue;
    Slot& written = group.slots[effect.written];
    ++written.writers;
    written.written_from = std::min(written.written_from, step.invoked);
  }
}

}  // namespace

Found find(const Group& group, const Step& step, std::size_t index, const Held& held, const Vanishing& vanishing) noexcept {
  const std::span<const StepEffect> effects = group.effects_of(step);
  const StepEffect& effect = effects[index];
  const std::uint32_t slot = held.expire_at <= step.now ? 0 : held.slot;
  if (effect.sight == Sight::none) return {.fits = true, .slot = slot};
  if (effect.sight == Sight::presence) return {.fits = slot != 0, .slot = slot};
  if (effect.seen == slot) return {.fits = true, .slot = slot};
  if (effect.seen != 0) return {};
  if (held.expire_at > vanishing.latest_now && vanishing.evicted_until <= group.slots[slot].written_from) return {};
  // Not in the middle of an operation, which has just seen or written it.
  for (const StepEffect& earlier : effects.first(index)) {
    if (earlier.key == effect.key) return {};
  }
  return {.fits = true, .slot = 0};
}

std::vector<Part> parts_of(const History& history) {
  KeySets sets;
  for_each_operation(history, [&](Reference, const Operation&, std::span<const Effect> effects) {
    for (const Effect& effect : effects) sets.join(sets.number_of(effect.key), sets.number_of(effects.front().key));
  });
  std::map<std::uint32_t, std::size_t> numbers;
  std::vector<Part> parts;
  const auto part_of = [&](KeyId key) -> Part& {
    const auto [found, is_new] = numbers.try_emplace(sets.set_of(sets.number_of(key)), parts.size());
    if (is_new) parts.emplace_back();
    return parts[found->second];
  };
  for (const KeyId key : std::vector<KeyId>(sets.keys())) part_of(key).keys.push_back(key);
  for_each_operation(history, [&](Reference reference, const Operation&, std::span<const Effect> effects) {
    if (!effects.empty()) part_of(effects.front().key).operations.push_back(reference);
  });
  return parts;
}

Part part_of_key(const History& history, const Part& part, KeyId key) {
  Part single{.keys = {key}, .operations = {}};
  for (const Reference reference : part.operations) {
    const ThreadLog& log = history.threads[reference.thread];
    const std::span<const Effect> effects = log.effects_of(log.operations()[reference.operation]);
    if (std::ranges::find(effects, key, &Effect::key) != effects.end()) single.operations.push_back(reference);
  }
  return single;
}

Timeline::Timeline(const History& history) {
  for_each_operation(history, [&](Reference, const Operation& operation, std::span<const Effect>) {
    if (operation.now != kNoClock) latest_now_.emplace_back(operation.invoked, operation.now);
  });
  for (const Span& span : history.evictions) evicted_until_.emplace_back(span.from, span.to);
  make_running_maximum(latest_now_);
  make_running_maximum(evicted_until_);
}

Vanishing Timeline::up_to(std::uint64_t stamp) const noexcept {
  const auto last = [stamp](const auto& values, auto none) {
    const auto after = std::ranges::upper_bound(values, stamp, {}, [](const auto& value) { return value.first; });
    return after == values.begin() ? none : std::prev(after)->second;
  };
  return {.latest_now = last(latest_now_, kNoClock), .evicted_until = last(evicted_until_, std::uint64_t{0})};
}

Group make_group(const History& history, const Timeline& timeline, const Part& part, std::uint64_t cutoff) {
  Group group;
  group.keys = part.keys;
  group.has_evictions = timeline.has_evictions();
  Numbering numbering(group);
  const auto has = [&](const Effect& effect) { return numbering.has(effect.key); };
  for (const Reference reference : part.operations) {
    const ThreadLog& log = history.threads[reference.thread];
    const Operation& operation = log.operations()[reference.operation];
    const std::span<const Effect> effects = log.effects_of(operation);
    const bool optional = operation.responded > cutoff;
    if (operation.invoked > cutoff) continue;
    if (optional && std::ranges::none_of(effects, [&](const Effect& effect) { return effect.writes && has(effect); })) continue;
    if (!group.steps.empty() && group.steps.back().thread != reference.thread)
      group.lane_ends.push_back(static_cast<std::uint32_t>(group.steps.size()));
    Step step{.invoked = operation.invoked,
              .responded = optional ? kPending : operation.responded,
              .now = operation.now,
              .vanishing = timeline.up_to(operation.responded),
              .first_effect = static_cast<std::uint32_t>(group.effects.size()),
              .thread = reference.thread,
              .operation = reference.operation,
              .optional = optional};
    for (const Effect& effect : effects) {
      if (has(effect)) group.effects.push_back(numbering(effect));
    }
    step.effect_count = static_cast<std::uint32_t>(group.effects.size()) - step.first_effect;
    group.steps.push_back(step);
    count_in(group, step);
  }
  group.lane_ends.push_back(static_cast<std::uint32_t>(group.steps.size()));
  return group;
}

}  // namespace strata::history
