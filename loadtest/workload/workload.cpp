#include "loadtest/workload/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "config/nearest_word.h"
#include "config/value.h"
#include "loadtest/workload/option_text.h"

namespace strata::loadtest {

namespace {

// Spread over every key space without a common divisor: a prime beyond any of them.
constexpr std::uint64_t kScatter = 11'400'714'785'074'694'791ULL;

bool read_mix(const std::string& text, WeightedChoice<OperationKind>& mix, std::string& problem) {
  const std::vector<std::string_view> names(kOperationNames.begin(), kOperationNames.end());
  for (const Weighted& part : parse_weighted(text)) {
    const auto found = std::find(names.begin(), names.end(), part.name);
    if (found == names.end()) {
      problem = fmt::format("--mix {}: '{}' is no operation; allowed: {}", text, part.name, fmt::join(names, ", "));
      if (const auto nearest = config::nearest_word(part.name, names); !nearest.empty()) {
        problem += fmt::format("; did you mean {}?", nearest);
      }
      return false;
    }
    if (part.weight > 0) mix.add(static_cast<OperationKind>(found - names.begin()), part.weight);
  }
  if (mix.empty())
    problem = fmt::format("--mix {}: not a list of operations with weights; allowed: for example get=90,set=10", text);
  return !mix.empty();
}

bool read_ttl(const std::string& text, WeightedChoice<std::int64_t>& ttl, std::string& problem) {
  if (text.empty()) return true;
  for (const Weighted& part : parse_weighted(text)) {
    const auto duration = config::parse_duration(part.name);
    if (!duration || duration->count() <= 0) {
      problem = fmt::format("--ttl {}: '{}' is no time to live; allowed: for example 500ms, 60s, 1h, 2d", text, part.name);
      return false;
    }
    ttl.add(duration->count(), part.weight);
  }
  if (ttl.empty()) problem = fmt::format("--ttl {}: not a list of times with weights; allowed: for example 60s=0.5,1h=0.5", text);
  return !ttl.empty();
}

// REQUIRES: Workload::make() has found the text right.
std::unique_ptr<Distribution> distribution_of(const WorkloadOptions& options, unsigned thread, unsigned threads) {
  std::string ignored;
  return Distribution::parse(options.distribution, options.keys, thread, threads, ignored);
}

bool check_shares(const WorkloadOptions& options, std::string& problem) {
  for (const auto& [name, value] :
       {std::pair{"--churn", options.churn}, std::pair{"--one-hit-wonders", options.one_hit_wonders}}) {
    if (value >= 0 && value <= 1) continue;
    problem = fmt::format("{} {}: a share of the requests is meant; allowed: 0 to 1", name, value);
    return false;
  }
  return true;
}

// New keys take of the mix's stores what they need, or all; the others get the rest, so that all shares stay those of the mix.
void divide_mix(Workload& workload) {
  const double new_keys = workload.options.churn + (1 - workload.options.churn) * workload.options.one_hit_wonders;
  const double stores = workload.mix.sum_of(stores_value) / workload.mix.sum();
  if (new_keys == 0 || stores == 0) return;
  workload.stored_first = std::min(1.0, stores / new_keys);
  const double left = 1 - workload.stored_first * new_keys / stores;
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    const auto kind = static_cast<OperationKind>(i);
    const double weight = workload.mix.sum_of([kind](OperationKind other) { return other == kind; });
    if (weight == 0) continue;
    if (stores_value(kind)) workload.first_stores.add(kind, weight);
    if (!stores_value(kind) || left > 0) workload.later_mix.add(kind, stores_value(kind) ? weight * left : weight);
  }
  if (workload.later_mix.empty()) workload.later_mix = workload.mix;  // stores alone
}

}  // namespace

std::uint64_t scattered(std::uint64_t rank, std::uint64_t keys) noexcept {
  return static_cast<std::uint64_t>(static_cast<Wide>(rank) * kScatter % keys);
}

std::optional<Workload> Workload::make(const WorkloadOptions& options, std::uint64_t largest_key, std::string& problem) {
  if (options.keys == 0 || options.keys >= kFirstSingleKey) {
    problem = fmt::format("--keys {}: allowed: 1 to {}", options.keys, kFirstSingleKey - 1);
    return std::nullopt;
  }
  if (!check_shares(options, problem)) return std::nullopt;
  std::uint64_t largest = std::max(options.keys - 1, largest_key);
  if (options.churn > 0 || options.one_hit_wonders > 0) largest = std::max(largest, 2 * kFirstSingleKey);
  auto keys = KeyFormat::make(options.key_prefix, options.key_bytes, largest, problem);
  if (!keys) return std::nullopt;

  Workload workload{options, *keys, nullptr, nullptr, {}, 0, {}, {}, {}};
  workload.value_size = ValueSize::parse(options.value_size, problem);
  if (!workload.value_size) problem = "--value-size: " + problem;
  if (!problem.empty()) return std::nullopt;
  workload.value_content = ValueContent::parse(options.value_content, problem);
  if (!workload.value_content) problem = "--value-content: " + problem;
  if (!problem.empty()) return std::nullopt;
  if (!read_mix(options.mix, workload.mix, problem) || !read_ttl(options.ttl, workload.ttl_ms, problem)) return std::nullopt;
  if (!Distribution::parse(options.distribution, options.keys, 0, 1, problem)) {
    problem = "--distribution: " + problem;
    return std::nullopt;
  }
  if (options.stored_first) divide_mix(workload);
  if (workload.ttl_ms.empty() && workload.mix.any([](OperationKind kind) { return kind == OperationKind::touch; })) {
    problem = "--mix with touch needs --ttl: a touch sets a new time to live";
    return std::nullopt;
  }
  return workload;
}

OperationSource::OperationSource(const Workload& workload, unsigned thread, unsigned threads)
    : workload_(workload),
      thread_(thread),
      threads_(threads),
      random_(mix(workload.options.seed) + thread),
      distribution_(distribution_of(workload.options, thread, threads)) {}

Operation OperationSource::next() {
  if (workload_.stored_first == 0) {
    const OperationKind kind = workload_.mix.pick(random_);
    return completed(kind, next_key().number);
  }
  const NextKey key = next_key();
  const bool first_store = key.is_new && random_.unit() < workload_.stored_first;
  return completed((first_store ? workload_.first_stores : workload_.later_mix).pick(random_), key.number);
}

Operation OperationSource::store_of(std::uint64_t key) { return completed(OperationKind::set, key); }

Operation OperationSource::completed(OperationKind kind, std::uint64_t key) {
  Operation operation;
  operation.kind = kind;
  operation.key = key;
  if (stores_value(operation.kind)) operation.value_bytes = workload_.value_bytes(operation.key);
  const bool expires = stores_value(operation.kind) || operation.kind == OperationKind::touch;
  if (expires && !workload_.ttl_ms.empty()) operation.ttl_ms = workload_.ttl_ms.pick(random_);
  return operation;
}

OperationSource::NextKey OperationSource::next_key() {
  const WorkloadOptions& options = workload_.options;
  if (options.one_hit_wonders > 0 && random_.unit() < options.one_hit_wonders) {
    return {kFirstSingleKey + thread_ + threads_ * single_++, true};
  }
  // Every thread replaces a key for all of them: they go through the same row of replacements at about the same pace.
  if (options.churn > 0 && random_.unit() < options.churn) {
    replaced_ += threads_;
    // The new key comes into use by its store, not when its popularity has it asked for; each thread has one of them.
    if (workload_.stored_first > 0) return {key_in((replaced_ - 1 - thread_) % options.keys), true};
  }
  return {key_in(scattered(distribution_->next(random_), options.keys)), false};
}

std::uint64_t OperationSource::key_in(std::uint64_t slot) const {
  const WorkloadOptions& options = workload_.options;
  // Slot 0 is replaced first, then 1, and so on, again and again.
  const std::uint64_t generation = (replaced_ + options.keys - 1 - slot) / options.keys;
  return slot + generation * options.keys;
}

}  // namespace strata::loadtest
