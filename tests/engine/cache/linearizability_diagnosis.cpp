#include "tests/engine/cache/linearizability_diagnosis.h"

#include <algorithm>
#include <optional>

namespace strata::history {

namespace {

// An effect with its operation.
struct Event {
  Reference reference;
  Operation operation;
  Effect effect;
};

bool precedes(const Operation& a, const Operation& b) { return a.responded < b.invoked; }

std::string name_of(Reference reference) {
  return "thread " + std::to_string(reference.thread) + " operation " + std::to_string(reference.operation);
}

std::string at(KeyId key) { return " at k" + std::to_string(key); }

class Diagnosis {
 public:
  Diagnosis(const History& history, const Part& part, Reference culprit)
      : history_(history), part_(part), reference_(culprit), culprit_(operation(culprit)) {}

  [[nodiscard]] std::vector<std::string> findings() {
    const std::span<const Effect> effects = effects_of(reference_);
    find_two_moments(effects);
    for (const Effect& effect : effects) {
      if (effect.sight != Sight::value || !has(effect.key)) continue;
      const std::string found = effect.seen == kAbsent ? why_not_absent(effect) : why_not(effect);
      if (!found.empty()) findings_.push_back(found);
    }
    if (findings_.empty() && effects.size() > 1) find_half(effects);
    if (findings_.empty()) findings_.emplace_back("None of the simple faults: see below which operations forbid it.");
    return findings_;
  }

 private:
  [[nodiscard]] const Operation& operation(Reference reference) const {
    return history_.threads[reference.thread].operations()[reference.operation];
  }
  [[nodiscard]] std::span<const Effect> effects_of(Reference reference) const {
    return history_.threads[reference.thread].effects_of(operation(reference));
  }
  [[nodiscard]] bool has(KeyId key) const { return std::ranges::find(part_.keys, key) != part_.keys.end(); }

  // The first event, by invocations, of another operation of the part for which `holds`.
  template <typename Predicate>
  [[nodiscard]] std::optional<Event> first(Predicate holds) const {
    std::optional<Event> best;
    for (const Reference reference : part_.operations) {
      if (reference.thread == reference_.thread && reference.operation == reference_.operation) continue;
      const Operation& here = operation(reference);
      if (best && here.invoked >= best->operation.invoked) continue;
      for (const Effect& effect : effects_of(reference)) {
        if (holds(here, effect)) best = Event{reference, here, effect};
      }
    }
    return best;
  }
  [[nodiscard]] std::optional<Event> first_writer(KeyId key, Value value) const {
    return first(
        [&](const Operation&, const Effect& effect) { return effect.key == key && effect.writes && effect.written == value; });
  }
  [[nodiscard]] std::string owner_elsewhere(Value value) const {
    for (std::size_t thread = 0; thread < history_.threads.size(); ++thread) {
      const ThreadLog& log = history_.threads[thread];
      for (std::size_t i = 0; i < log.operations().size(); ++i) {
        for (const Effect& effect : log.effects_of(log.operations()[i])) {
          if (effect.writes && effect.written == value)
            return name_of({static_cast<std::uint32_t>(thread), static_cast<std::uint32_t>(i)}) + " wrote it" + at(effect.key);
        }
      }
    }
    return {};
  }

  [[nodiscard]] bool wrote_itself(const Effect& sight) const {
    return std::ranges::any_of(effects_of(reference_), [&](const Effect& effect) {
      return effect.key == sight.key && effect.writes && effect.written == sight.seen;
    });
  }

  [[nodiscard]] std::string why_not(const Effect& effect) const {
    const std::string value = text_of(effect.seen) + at(effect.key);
    if (effect.seen == kDamaged) return "Damaged: the bytes it saw" + at(effect.key) + " are no value that anybody writes.";
    if (wrote_itself(effect)) return {};
    const std::optional<Event> writer = first_writer(effect.key, effect.seen);
    if (!writer) {
      const std::string owner = owner_elsewhere(effect.seen);
      if (owner.empty()) return "Out of nowhere: nobody wrote " + value + ".";
      return "Another key's value: nobody wrote " + value + "; " + owner + ".";
    }
    if (precedes(culprit_, writer->operation))
      return "From the future: it saw " + value + ", which " + name_of(writer->reference) + " began to write after its response.";
    const auto keeps = [&](const Operation&, const Effect& other) {
      return other.key == effect.key && other.writes && other.written == effect.seen && other.expire_at > culprit_.now;
    };
    if (!first(keeps))
      return "Expired: it saw " + value + ", whose time had come at " + std::to_string(writer->effect.expire_at) +
             ", by its clock " + std::to_string(culprit_.now - writer->effect.expire_at) + " ago.";
    if (effect.writes) {
      const std::optional<Event> rival = first([&](const Operation&, const Effect& other) {
        return other.key == effect.key && other.sight == Sight::value && other.seen == effect.seen && other.writes &&
               other.written != effect.seen;
      });
      if (rival) return "Lost update: it and " + name_of(rival->reference) + " both replaced " + value + ".";
    }
    return why_stale(effect, *writer);
  }

  [[nodiscard]] std::string why_stale(const Effect& effect, const Event& writer) const {
    const std::string value = text_of(effect.seen) + at(effect.key) + ", written by " + name_of(writer.reference);
    const auto gone = [&](const Operation& after, bool removed) {
      return first([&](const Operation& here, const Effect& other) {
        const bool differs = other.writes && other.written != effect.seen;
        const bool missed = other.sight == Sight::value && other.seen != effect.seen;
        return other.key == effect.key && (removed ? differs : missed) && precedes(after, here) && precedes(here, culprit_);
      });
    };
    if (const std::optional<Event> next = gone(writer.operation, true)) {
      const char* const verb = next->effect.written == kAbsent ? " had removed" : " had replaced";
      return "Stale: it saw " + value + ", which " + name_of(next->reference) + verb + " before it was invoked.";
    }
    if (const std::optional<Event> next = gone(writer.operation, false))
      return "Seen again: it saw " + value + ", which for " + name_of(next->reference) + ", already answered, was gone.";
    return {};
  }

  // Something was written for good before it was invoked, and all that removes came before that. The last one written tells.
  [[nodiscard]] std::string why_not_absent(const Effect& effect) const {
    if (!history_.evictions.empty()) return {};
    std::optional<Event> writer;
    static_cast<void>(first([&](const Operation& here, const Effect& other) {
      const bool keeps = other.key == effect.key && other.writes && other.written != kAbsent && other.expire_at == kNever;
      if (keeps && precedes(here, culprit_) && (!writer || here.invoked > writer->operation.invoked))
        writer = Event{{}, here, other};
      return false;
    }));
    if (!writer) return {};
    const std::optional<Event> other = first([&](const Operation& here, const Effect& change) {
      const bool removes = change.written == kAbsent || change.expire_at != kNever;
      return change.key == effect.key && change.writes && removes && !precedes(here, writer->operation) &&
             !precedes(culprit_, here);
    });
    if (other) return {};
    return "Missed: nothing" + at(effect.key) + ", where " + text_of(writer->effect.written) +
           " had been written before it was invoked, and nothing that removes came after that.";
  }

  // A key that is given twice and was seen with two values.
  void find_two_moments(std::span<const Effect> effects) {
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const Effect& last = effects[i];
      const auto same = [&](const Effect& effect) { return effect.key == last.key; };
      const auto before = std::ranges::find_if(effects.first(i), same);
      if (before == effects.first(i).end() || before->writes || !has(last.key)) continue;
      if (before->sight != Sight::value || last.sight != Sight::value || before->seen == last.seen) continue;
      findings_.push_back("Two moments: it saw both " + text_of(before->seen) + " and " + text_of(last.seen) + at(last.key) +
                          ".");
      return;
    }
  }

  // An operation on several keys, of which the culprit saw what it wrote to one and what was there before at another.
  void find_half(std::span<const Effect> sights) {
    for (const Reference reference : part_.operations) {
      const Operation& joint = operation(reference);
      const std::span<const Effect> writes = effects_of(reference);
      if (writes.size() < 2 || precedes(culprit_, joint)) continue;
      std::optional<KeyId> seen;
      std::optional<KeyId> missed;
      for (const Effect& sight : sights) {
        const auto write = std::ranges::find(writes, sight.key, &Effect::key);
        if (sight.sight != Sight::value || write == writes.end() || !write->writes) continue;
        const std::optional<Event> writer = first_writer(sight.key, sight.seen);
        if (sight.seen == write->written)
          seen = sight.key;
        else if (sight.seen == kAbsent || (writer && precedes(writer->operation, joint)))
          missed = sight.key;
      }
      if (!seen || !missed) continue;
      findings_.push_back("Half of it: it saw what " + name_of(reference) + " left" + at(*seen) + ", and" + at(*missed) +
                          " what was there before that.");
      return;
    }
  }

  const History& history_;
  const Part& part_;
  const Reference reference_;
  const Operation culprit_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> diagnose(const History& history, const Part& part, Reference culprit) {
  return Diagnosis(history, part, culprit).findings();
}

}  // namespace strata::history
