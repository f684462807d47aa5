#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loadtest/options.h"
#include "loadtest/random.h"
#include "loadtest/workload/distribution.h"
#include "loadtest/workload/key_format.h"
#include "loadtest/workload/operation.h"
#include "loadtest/workload/value_content.h"
#include "loadtest/workload/value_size.h"

namespace strata::loadtest {

// Picks one of several things by weight, in constant expected time for the few things we have.
template <typename Thing>
class WeightedChoice {
 public:
  void add(Thing thing, double weight) {
    sum_ += weight;
    choices_.push_back({sum_, thing});
  }
  [[nodiscard]] bool empty() const noexcept { return choices_.empty(); }
  [[nodiscard]] const Thing& pick(Random& random) const {
    if (choices_.size() == 1) return choices_.front().thing;
    const double wanted = random.unit() * sum_;
    std::size_t i = 0;
    while (i + 1 < choices_.size() && wanted >= choices_[i].up_to) ++i;
    return choices_[i].thing;
  }
  // The sum of the weights, and that of the things for which `condition` holds.
  [[nodiscard]] double sum() const noexcept { return sum_; }
  [[nodiscard]] double sum_of(const auto& condition) const {
    double sum = 0;
    double before = 0;
    for (const Choice& choice : choices_) {
      if (condition(choice.thing)) sum += choice.up_to - before;
      before = choice.up_to;
    }
    return sum;
  }
  [[nodiscard]] bool any(const auto& condition) const {
    for (const Choice& choice : choices_) {
      if (condition(choice.thing)) return true;
    }
    return false;
  }

 private:
  struct Choice {
    double up_to;
    Thing thing;
  };
  std::vector<Choice> choices_;
  double sum_ = 0;
};

// The workload as all threads share it: read-only once made. Thread safety: const functions, from any thread.
struct Workload {
  // nullopt, and a line that names the option and what is allowed in `problem`, if the options do not make sense. `largest_key`:
  // a key number that must fit besides those of the options (traces bring their own).
  static std::optional<Workload> make(const WorkloadOptions& options, std::uint64_t largest_key, std::string& problem);

  [[nodiscard]] std::uint32_t value_bytes(std::uint64_t key) const { return value_content->size(key, value_size->of(key)); }

  WorkloadOptions options;
  KeyFormat keys;
  std::shared_ptr<const ValueSize> value_size;
  std::shared_ptr<const ValueContent> value_content;
  WeightedChoice<OperationKind> mix;
  // If new keys begin with a store: with which share of them the mix has stores enough, of what kind, and what is left of the mix for
  // all other requests.
  double stored_first = 0;
  WeightedChoice<OperationKind> first_stores;
  WeightedChoice<OperationKind> later_mix;
  WeightedChoice<std::int64_t> ttl_ms;  // empty: values do not expire
};

// The endless row of operations of one thread; the same for the same seed. Thread safety: one thread at a time.
class OperationSource {
 public:
  // REQUIRES: thread < threads. The workload outlives this.
  OperationSource(const Workload& workload, unsigned thread, unsigned threads);

  Operation next();
  // A SET of this key, as the workload stores it.
  Operation store_of(std::uint64_t key);

 private:
  struct NextKey {
    std::uint64_t number;
    bool is_new;  // asked for the first time, and by this request
  };
  NextKey next_key();
  [[nodiscard]] std::uint64_t key_in(std::uint64_t slot) const;  // the one in use now
  // What completes an operation whose kind and key are known.
  Operation completed(OperationKind kind, std::uint64_t key);

  const Workload& workload_;
  unsigned thread_;
  unsigned threads_;
  Random random_;
  std::unique_ptr<Distribution> distribution_;
  std::uint64_t replaced_ = 0;  // keys gone out of use so far, all threads taken together
  std::uint64_t single_ = 0;    // keys of one request so far, of this thread
};

// Key numbers from here on are those requested once; nobody's key space is as large.
inline constexpr std::uint64_t kFirstSingleKey = 1ULL << 44;

// The key number for a rank of popularity: neighbours in popularity are strangers as keys. REQUIRES: rank < keys.
std::uint64_t scattered(std::uint64_t rank, std::uint64_t keys) noexcept;

}  // namespace strata::loadtest
