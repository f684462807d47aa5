#include "tests/engine/cache/linearizability_search.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace strata::history {

namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EB;
  return x ^ (x >> 31U);
}

constexpr std::uint64_t combine(std::uint64_t hash, std::uint64_t word) noexcept {
  return mix(hash * 0x9E3779B97F4A7C15 + word + 1);
}

constexpr std::uint64_t bit(std::size_t lane) noexcept { return std::uint64_t{1} << lane; }

// A slot that nobody will see: all that matters is that there is something.
constexpr std::uint32_t kSomething = std::numeric_limits<std::uint32_t>::max();

}  // namespace

// --- Tried --------------------------------------------------------------------------------------------------------------------

bool Tried::insert(const Fingerprint& fingerprint) {
  if ((size_ + 1) * 2 > table_.size()) {
    std::vector<Fingerprint> old(std::max<std::size_t>(table_.size() * 2, 64));
    old.swap(table_);
    for (const Fingerprint& entry : old) {
      if (entry != Fingerprint{}) static_cast<void>(place(entry));
    }
  }
  if (!place(fingerprint)) return false;
  ++size_;
  return true;
}

bool Tried::place(const Fingerprint& fingerprint) noexcept {
  const std::size_t mask = table_.size() - 1;
  std::size_t i = fingerprint[0] & mask;
  for (; table_[i] != Fingerprint{}; i = (i + 1) & mask) {
    if (table_[i] == fingerprint) return false;
  }
  table_[i] = fingerprint;
  return true;
}

// --- Search -------------------------------------------------------------------------------------------------------------------

Search::Search(const Group& group, const SearchLimits& limits, bool looks_ahead)
    : group_(group),
      limits_(limits),
      looks_ahead_(looks_ahead),
      slots_(group.slots),
      held_(group.keys.size()),
      key_fingerprints_(group.keys.size()) {
  position_.push_back(0);
  for (std::size_t lane = 0; lane + 1 < group.lane_ends.size(); ++lane) position_.push_back(group.lane_ends[lane]);
  due_ = static_cast<std::size_t>(std::ranges::count(group.steps, false, &Step::optional));
  least_due_ = due_;
}

Verdict Search::run() {
  if (due_ == 0) return Verdict::linearizable;
  frames_.push_back(open());
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.candidates == 0) {
      frames_.pop_back();
      if (!frames_.empty()) take_back(frames_.back());
      continue;
    }
    frame.lane = first_to_respond(frame.candidates);
    frame.candidates &= ~bit(frame.lane);
    frame.changes = changes_.size();
    if (++steps_ > limits_.steps || tried_.size() >= limits_.configurations) return Verdict::undecided;
    if (!take(frame)) continue;
    if (due_ < least_due_) remember_longest();
    if (due_ == 0) return Verdict::linearizable;
    frames_.push_back(open());
  }
  return Verdict::not_linearizable;
}

const Step* Search::next_in(std::size_t lane) const noexcept {
  return position_[lane] < group_.lane_ends[lane] ? &group_.steps[position_[lane]] : nullptr;
}

// The step not in the order that responded first. REQUIRES: there is one that has to be in it
const Step& Search::horizon() const noexcept {
  const Step* first = nullptr;
  for (std::size_t lane = 0; lane < position_.size(); ++lane) {
    const Step* step = next_in(lane);
    if (step != nullptr && (first == nullptr || step->responded < first->responded)) first = step;
  }
  return *first;
}

Search::Frame Search::open() {
  const Step& first = horizon();
  return {.candidates = choices(first.responded), .vanishing = first.vanishing};
}

// The lanes that have to be tried in this configuration, none if it was tried before. A step may be next if none responded before it was
// invoked. One that sees what is there and changes nothing needs no alternative: in any order that goes on from here it could stand first.
std::uint64_t Search::choices(std::uint64_t horizon) {
  std::uint64_t lanes = 0;
  for (std::size_t lane = 0; lane < position_.size(); ++lane) {
    const Step* step = next_in(lane);
    if (step == nullptr || step->invoked > horizon) continue;
    if (changes_nothing(*step)) return bit(lane);
    lanes |= bit(lane);
  }
  if (std::has_single_bit(lanes)) return lanes;
  Tried::Fingerprint whole = keys_fingerprint_;
  // The set of steps in the order: as those of a thread follow each other, how far each lane is says it all.
  for (const std::uint32_t position : position_) {
    whole = {combine(whole[0], position), combine(whole[1], ~std::uint64_t{position})};
  }
  return tried_.insert(whole) ? lanes : 0;
}

// What responded first was most likely first: few steps are taken back in histories that are right.
std::uint32_t Search::first_to_respond(std::uint64_t lanes) const noexcept {
  auto first = static_cast<std::uint32_t>(std::countr_zero(lanes));
  for (std::uint64_t left = lanes; left != 0; left &= left - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
    if (next_in(lane)->responded < next_in(first)->responded) first = lane;
  }
  return first;
}

// Wherever it stands: a write of what is there already may have to stand behind a removal.
bool Search::changes_nothing(const Step& step) const noexcept {
  const std::span<const StepEffect> effects = group_.effects_of(step);
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const StepEffect& effect = effects[i];
    const bool removes_nothing = effect.sight == Sight::value && effect.seen == 0 && effect.written == 0;
    if (effect.writes && !removes_nothing) return false;
    const Held& held = held_[effect.key];
    const Found found = find(group_, step, i, held, {});
    if (!found.fits || found.slot != held.slot) return false;
  }
  return true;
}

bool Search::take(const Frame& frame) {
  const Step& step = *next_in(frame.lane);
  const std::size_t changes = changes_.size();
  const std::span<const StepEffect> effects = group_.effects_of(step);
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const StepEffect& effect = effects[i];
    Held& held = held_[effect.key];
    const Found found = find(group_, step, i, held, frame.vanishing);
    if (!found.fits) {
      restore(changes);
      return false;
    }
    Held after = found.slot == 0 ? Held{} : held;
    if (effect.writes) after = {effect.written, effect.expire_at};
    if (after == held) continue;
    changes_.push_back({effect.key, held});
    held = after;
  }
  count(step, ~std::uint32_t{0});
  if (looks_ahead_ && loses_a_reader(changes)) {
    restore(changes);
    count(step, 1);
    return false;
  }
  refresh(step);
  order_.push_back(position_[frame.lane]++);
  if (!step.optional) --due_;
  return true;
}

void Search::take_back(const Frame& frame) noexcept {
  const Step& step = group_.steps[--position_[frame.lane]];
  restore(frame.changes);
  count(step, 1);
  refresh(step);
  if (!step.optional) ++due_;
  order_.pop_back();
  shared_ = std::min(shared_, order_.size());
}

void Search::restore(std::size_t changes) noexcept {
  for (; changes_.size() > changes; changes_.pop_back()) held_[changes_.back().key] = changes_.back().before;
}

void Search::count(const Step& step, std::uint32_t by) noexcept {
  for (const StepEffect& effect : group_.effects_of(step)) {
    if (effect.sight == Sight::value) {
      slots_[effect.seen].readers += by;
      if (!step.optional) slots_[effect.seen].due_readers += by;
    }
    if (effect.writes) slots_[effect.written].writers += by;
  }
}

// Whether a value has gone with the changes since `changes` that has to be seen yet and that nobody will write again.
bool Search::loses_a_reader(std::size_t changes) const noexcept {
  for (std::size_t i = changes; i < changes_.size(); ++i) {
    const std::uint32_t gone = changes_[i].before.slot;
    const Slot& slot = slots_[gone];
    if (gone != 0 && slot.due_readers > 0 && slot.writers == 0 && held_[changes_[i].key].slot != gone) return true;
  }
  return false;
}

Tried::Fingerprint Search::fingerprint_of_key(std::uint32_t key) const noexcept {
  const Held& held = held_[key];
  if (held == Held{}) return {};
  const bool is_awaited = slots_[held.slot].readers > 0;
  std::uint64_t hash = combine(key, is_awaited ? held.slot : kSomething);
  hash = combine(hash, static_cast<std::uint64_t>(held.expire_at));
  if (group_.has_evictions && !is_awaited) hash = combine(hash, slots_[held.slot].written_from);
  return {mix(hash), mix(~hash * 0xD6E8FEB86659FD93)};
}

void Search::refresh(const Step& step) noexcept {
  for (const StepEffect& effect : group_.effects_of(step)) {
    const Tried::Fingerprint now = fingerprint_of_key(effect.key);
    Tried::Fingerprint& then = key_fingerprints_[effect.key];
    for (std::size_t i = 0; i < now.size(); ++i) keys_fingerprint_[i] ^= then[i] ^ now[i];
    then = now;
  }
}

void Search::remember_longest() {
  least_due_ = due_;
  longest_.resize(shared_);
  longest_.insert(longest_.end(), order_.begin() + static_cast<std::ptrdiff_t>(shared_), order_.end());
  shared_ = order_.size();
}

}  // namespace strata::history
