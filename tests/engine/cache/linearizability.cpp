#include "tests/engine/cache/linearizability.h"

#include "tests/engine/cache/linearizability_explanation.h"
#include "tests/engine/cache/linearizability_group.h"
#include "tests/engine/cache/linearizability_search.h"

namespace strata::history {

namespace {

// What is wrong with the recording, if anything.
std::string find_malformed(const History& history) {
  if (history.threads.size() > kMostLanes) return "more than " + std::to_string(kMostLanes) + " threads";
  for (std::size_t thread = 0; thread < history.threads.size(); ++thread) {
    std::uint64_t before = 0;
    const std::span<const Operation> operations = history.threads[thread].operations();
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const std::string name = "operation " + std::to_string(i) + " of thread " + std::to_string(thread);
      if (operations[i].responded < operations[i].invoked || operations[i].responded == kPending)
        return name + " responded before it was invoked, or never";
      if (operations[i].invoked < before) return name + " was invoked before the one ahead of it had responded";
      before = operations[i].responded;
    }
  }
  return {};
}

class Judge {
 public:
  Judge(const History& history, const SearchLimits& limits) : history_(history), limits_(limits), timeline_(history) {}

  Judgement judge() {
    judgement_.explanation = find_malformed(history_);
    if (!judgement_.explanation.empty()) {
      judgement_.verdict = Verdict::malformed;
      return judgement_;
    }
    const std::vector<Part> parts = parts_of(history_);
    judgement_.groups = parts.size();
    for (const Part& part : parts) {
      judgement_.operations += part.operations.size();
      // Where one key alone is out of order that is cheaper to find, and easier to read.
      if (part.keys.size() > 1) {
        for (const KeyId key : part.keys) {
          if (!passes(part_of_key(history_, part, key))) return judgement_;
        }
      }
      if (!passes(part)) return judgement_;
    }
    return judgement_;
  }

 private:
  bool passes(const Part& part) {
    const Group group = make_group(history_, timeline_, part);
    Search search(group, limits_, true);
    judgement_.verdict = search.run();
    judgement_.configurations += search.configurations();
    judgement_.steps += search.steps();
    if (judgement_.verdict == Verdict::linearizable) return true;
    judgement_.explanation = judgement_.verdict == Verdict::undecided
                                 ? tell_undecided(group, search.longest_order().size(), limits_)
                                 : explain(history_, timeline_, part, limits_);
    return false;
  }

  const History& history_;
  const SearchLimits& limits_;
  const Timeline timeline_;
  Judgement judgement_;
};

}  // namespace

Judgement judge(const History& history, const SearchLimits& limits) { return Judge(history, limits).judge(); }

}  // namespace strata::history
