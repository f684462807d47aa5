#include "tests/engine/cache/linearizability_explanation.h"

#include <algorithm>
#include <vector>

#include "tests/engine/cache/linearizability_diagnosis.h"
#include "tests/engine/cache/linearizability_search.h"

namespace strata::history {

namespace {

constexpr std::size_t kOrderShown = 12;
constexpr std::size_t kOthersShown = 16;
// An explanation need not be the best one there is.
constexpr SearchLimits kExplanationLimits{.configurations = 1ULL << 18U, .steps = 1ULL << 24U};

// The response of the operation at which the part stops to be linearizable: of the shortest prefix that is not. A prefix of what is
// linearizable is so too, thus halving finds it.
std::uint64_t find_cutoff(const History& history, const Timeline& timeline, const Part& part, const SearchLimits& limits) {
  std::vector<std::uint64_t> responses;
  responses.reserve(part.operations.size());
  for (const Reference reference : part.operations)
    responses.push_back(history.threads[reference.thread].operations()[reference.operation].responded);
  std::ranges::sort(responses);
  std::size_t good = 0;
  std::size_t bad = responses.size();
  while (good + 1 < bad) {
    const std::size_t middle = good + (bad - good) / 2;
    const Group group = make_group(history, timeline, part, responses[middle - 1]);
    (Search(group, limits, true).run() == Verdict::not_linearizable ? bad : good) = middle;
  }
  return responses[bad - 1];
}

class Explanation {
 public:
  Explanation(const History& history, const Timeline& timeline, const Part& part, std::uint64_t cutoff)
      : history_(history), part_(part), group_(make_group(history, timeline, part, cutoff)), held_(group_.keys.size()) {
    Search search(group_, kExplanationLimits, false);
    static_cast<void>(search.run());
    order_.assign(search.longest_order().begin(), search.longest_order().end());
    in_order_.resize(group_.steps.size());
    for (const std::uint32_t step : order_) in_order_[step] = true;
    // Of several with that response, one that is not in the order.
    bool is_found = false;
    for (std::size_t i = 0; i < group_.steps.size(); ++i) {
      if (group_.steps[i].responded != cutoff || (is_found && in_order_[i])) continue;
      culprit_ = group_.steps[i];
      is_found = true;
    }
  }

  [[nodiscard]] std::string text() {
    std::string text = "Not linearizable: " + keys() + ", at " + name_of(culprit_) + ", " + text_of(culprit_) + ".\n";
    const Reference reference{culprit_.thread, culprit_.operation};
    for (const std::string& finding : diagnose(history_, part_, reference)) text += "  " + finding + "\n";
    text +=
        "What responded before it can be put in order; with it nothing can. Stamps count from its invocation:\n" + line(culprit_);
    text += tell_order();
    return text + tell_others();
  }

 private:
  [[nodiscard]] std::string keys() const {
    if (group_.keys.size() == 1) return "k" + std::to_string(group_.keys.front());
    return std::to_string(group_.keys.size()) + " keys that operations join";
  }
  [[nodiscard]] static std::string name_of(const Step& step) {
    return "thread " + std::to_string(step.thread) + " operation " + std::to_string(step.operation);
  }
  [[nodiscard]] std::string text_of(const Step& step) const {
    const ThreadLog& log = history_.threads[step.thread];
    const Operation& operation = log.operations()[step.operation];
    return history::text_of(operation.kind, log.effects_of(operation));
  }
  [[nodiscard]] std::string line(const Step& step) const {
    const Operation& operation = history_.threads[step.thread].operations()[step.operation];
    const auto relative = [this](std::uint64_t stamp) {
      return std::to_string(static_cast<std::int64_t>(stamp - culprit_.invoked));
    };
    std::string text = "    " + name_of(step) + " [" + relative(operation.invoked) + ", " + relative(operation.responded) + "] ";
    text += text_of(step);
    if (step.now != kNoClock) text += " at " + std::to_string(step.now);
    return text + "\n";
  }
  [[nodiscard]] std::string holding(std::uint32_t key) const {
    const Slot& slot = group_.slots[held_[key].slot];
    std::string text = "k" + std::to_string(group_.keys[key]) + (held_[key].slot == 0 ? " is " : " holds ");
    text += history::text_of(slot.value);
    if (held_[key].expire_at != kNever) text += " until " + std::to_string(held_[key].expire_at);
    return text;
  }

  // Goes through the order, so that held_ is what it leaves.
  [[nodiscard]] std::string tell_order() {
    std::string text = "  One order that is possible before it, " + std::to_string(order_.size()) +
                       (order_.size() == 1 ? " operation" : " operations");
    text += order_.size() > kOrderShown ? ", the last of them:\n" : ":\n";
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const Step& step = group_.steps[order_[i]];
      for (const StepEffect& effect : group_.effects_of(step)) {
        if (effect.sight == Sight::value && effect.seen == 0) held_[effect.key] = {};
        if (effect.writes) held_[effect.key] = {effect.written, effect.expire_at};
      }
      if (i + kOrderShown >= order_.size()) text += line(step);
    }
    text += "  After which ";
    std::vector<std::uint32_t> keys;
    for (const StepEffect& effect : group_.effects_of(culprit_)) {
      if (keys.size() == kOrderShown || std::ranges::find(keys, effect.key) != keys.end()) continue;
      text += (keys.empty() ? "" : ", ") + holding(effect.key);
      keys.push_back(effect.key);
    }
    return text + ".\n";
  }

  // The steps that are not in the order, and why none of them can be next.
  [[nodiscard]] std::string tell_others() {
    std::vector<Step> others;
    std::uint64_t horizon = kPending;
    for (std::size_t i = 0; i < group_.steps.size(); ++i) {
      if (in_order_[i]) continue;
      others.push_back(group_.steps[i]);
      if (group_.steps[i].responded >= horizon) continue;
      horizon = group_.steps[i].responded;
      first_due_ = group_.steps[i];
    }
    std::ranges::sort(others, {}, &Step::invoked);
    std::string text = "  Not in that order:\n";
    for (std::size_t i = 0; i < others.size() && i < kOthersShown; ++i)
      text += line(others[i]) + "      " + why_not(others[i]) + "\n";
    if (others.size() > kOthersShown) text += "    and " + std::to_string(others.size() - kOthersShown) + " more\n";
    return text;
  }

  [[nodiscard]] std::string why_not(const Step& step) const {
    if (step.invoked > first_due_.responded)
      return "stands after " + name_of(first_due_) + ", which responded before it was invoked";
    const std::span<const StepEffect> effects = group_.effects_of(step);
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const Held& held = held_[effects[i].key];
      if (find(group_, step, i, held, first_due_.vanishing).fits) continue;
      if (held.expire_at <= step.now) return "does not fit: " + holding(effects[i].key) + ", which for its clock has passed";
      const bool is_missed = effects[i].sight == Sight::value && effects[i].seen == 0;
      return "does not fit: " + holding(effects[i].key) + (is_missed ? ", and nothing let it vanish" : "");
    }
    return "could stand here, but leads no further";
  }

  const History& history_;
  const Part& part_;
  const Group group_;
  std::vector<Held> held_;
  std::vector<std::uint32_t> order_;
  std::vector<bool> in_order_;
  Step culprit_;
  Step first_due_;
};

}  // namespace

std::string explain(const History& history, const Timeline& timeline, const Part& part, const SearchLimits& limits) {
  return Explanation(history, timeline, part, find_cutoff(history, timeline, part, limits)).text();
}

std::string tell_undecided(const Group& group, std::size_t steps_in_order, const SearchLimits& limits) {
  return "Undecided: " + std::to_string(steps_in_order) + " of " + std::to_string(group.steps.size()) + " operations on " +
         std::to_string(group.keys.size()) + " keys could be put in order before one of the limits was reached (" +
         std::to_string(limits.configurations) + " configurations, " + std::to_string(limits.steps) + " steps).\n";
}

}  // namespace strata::history
