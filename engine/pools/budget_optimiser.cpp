#include "engine/pools/budget_optimiser.h"

#include <algorithm>
#include <limits>

namespace strata::pools {

bool BudgetOptimiser::is_valid(const Options& options) noexcept {
  return options.unit_bytes > 0 && options.unit_bytes <= options.max_step_bytes && options.max_step_bytes <= kMostStepBytes &&
         options.rounds > 0 && options.newest_percent > 0 && options.newest_percent <= 100;
}

std::size_t BudgetOptimiser::add(const Domain& domain) noexcept {
  const bool is_within = domain.min_bytes <= domain.budget_bytes && domain.budget_bytes <= domain.max_bytes;
  if (size_ == kMostDomains || !is_within) return kMostDomains;
  domains_[size_] = {.domain = domain};
  return size_++;
}

bool BudgetOptimiser::set_bounds(std::size_t number, std::uint64_t min_bytes, std::uint64_t max_bytes) noexcept {
  if (number >= size_ || min_bytes > max_bytes) return false;
  Domain& domain = domains_[number].domain;
  domain = {
      .budget_bytes = std::clamp(domain.budget_bytes, min_bytes, max_bytes), .min_bytes = min_bytes, .max_bytes = max_bytes};
  return true;
}

bool BudgetOptimiser::take_in(std::span<const double> samples) noexcept {
  if (samples.size() != size_) return false;
  // NaN fails both comparisons.
  const auto is_sample = [](double sample) { return sample >= 0 && sample <= std::numeric_limits<double>::max(); };
  if (!std::all_of(samples.begin(), samples.end(), is_sample)) return false;
  const double weight = rounds_ == 0 ? 1.0 : options_.newest_percent / 100.0;
  for (std::size_t number = 0; number < size_; ++number) {
    double& mean = domains_[number].marginal_use;
    mean += (samples[number] - mean) * weight;
  }
  ++rounds_;
  return true;
}

// Who would give to whom. From and to are the same: nobody can.
BudgetOptimiser::Move BudgetOptimiser::best_pair() const noexcept {
  std::size_t donor = size_;
  std::size_t receiver = size_;
  for (std::size_t number = 0; number < size_; ++number) {
    const auto& [domain, use] = domains_[number];
    const bool may_give = domain.budget_bytes - domain.min_bytes >= options_.unit_bytes;
    const bool may_take = domain.max_bytes - domain.budget_bytes >= options_.unit_bytes;
    if (may_give && (donor == size_ || use < domains_[donor].marginal_use)) donor = number;
    if (may_take && (receiver == size_ || use > domains_[receiver].marginal_use)) receiver = number;
  }
  if (donor == size_ || receiver == size_) return {};
  const double least = domains_[donor].marginal_use * (1.0 + options_.difference_percent / 100.0);
  return domains_[receiver].marginal_use > least ? Move{.from = donor, .to = receiver} : Move{};
}

// By the share of the receiver's use that the donor's is below it.
std::uint64_t BudgetOptimiser::step(const Move& pair) const noexcept {
  const Entry& donor = domains_[pair.from];
  const Entry& receiver = domains_[pair.to];
  const double share = 1.0 - donor.marginal_use / receiver.marginal_use;
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(options_.max_step_bytes));
  const std::uint64_t possible =
      std::min({std::max(wanted, options_.unit_bytes), options_.max_step_bytes,
                donor.domain.budget_bytes - donor.domain.min_bytes, receiver.domain.max_bytes - receiver.domain.budget_bytes});
  return possible - possible % options_.unit_bytes;
}

BudgetOptimiser::Move BudgetOptimiser::end_round(std::span<const double> samples) noexcept {
  if (!take_in(samples)) return {};
  Move pair = best_pair();
  const bool is_same = pair.from == last_pair_.from && pair.to == last_pair_.to;
  same_pair_rounds_ = is_same ? same_pair_rounds_ + 1 : 1;
  last_pair_ = pair;
  if (pair.from == pair.to || same_pair_rounds_ < options_.rounds) return {};
  pair.bytes = step(pair);
  domains_[pair.from].domain.budget_bytes -= pair.bytes;
  domains_[pair.to].domain.budget_bytes += pair.bytes;
  ++moves_;
  moved_bytes_ += pair.bytes;
  return pair;
}

}  // namespace strata::pools
