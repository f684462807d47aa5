#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace strata::pools {

// Moves a budget of bytes between domains that compete for it (pools, classes of a cache, namespaces), to where the next byte is worth most.
//
// Each round the caller tells for each domain its marginal use: what one more byte would have brought, or one byte less would have cost, since
// the last round, in any unit that is the same for all (hits in the last bytes of each, divided by these bytes; refused requests a byte). The
// optimiser smooths it, and takes bytes from the domain where the last are worth least for the one where the next are worth most (CacheLib's
// marginal hits, S. Berg et al., OSDI 2020): equal marginal use is where nothing can be won by moving.
// Hysteresis: the two must differ by a share, and in the same direction for some rounds, before a byte moves; a move is the larger the more they
// differ, up to a maximum step. The sum of the budgets never changes by a round.
//
// Knows nothing of what the domains are, takes no memory, has no clock and no randomness: the same samples give the same budgets.
// Thread safety: none.
class BudgetOptimiser {
 public:
  static constexpr std::size_t kMostDomains = 64;
  static constexpr std::uint64_t kMostStepBytes = std::uint64_t{1} << 60;

  struct Options {
    std::uint64_t max_step_bytes = std::uint64_t{16} << 20;  // moved in one round at most
    std::uint64_t unit_bytes = std::uint64_t{64} << 10;      // moves are multiples of it
    std::uint32_t difference_percent = 20;  // the receiver's marginal use must be above the donor's by that share
    std::uint32_t rounds = 3;               // in so many rounds in a row
    std::uint32_t newest_percent = 30;      // weight of the newest sample in the mean; 100: no smoothing
  };
  struct Domain {
    std::uint64_t budget_bytes = 0;
    std::uint64_t min_bytes = 0;
    std::uint64_t max_bytes = ~std::uint64_t{0};
  };
  struct Move {
    std::size_t from = 0;
    std::size_t to = 0;
    std::uint64_t bytes = 0;  // 0: nothing moved
  };

  // Whether steps, units and rounds are above 0, the unit no more than the step, that no more than kMostStepBytes, and newest_percent 1 to 100.
  [[nodiscard]] static bool is_valid(const Options& options) noexcept;

  // REQUIRES: is_valid(options).
  constexpr explicit BudgetOptimiser(const Options& options) noexcept : options_(options) {}

  // Its number, which stays; domains number from 0. kMostDomains: there are too many, or the budget is not between minimum and maximum.
  std::size_t add(const Domain& domain) noexcept;
  // New bounds; the budget follows into them, so the sum changes. False: minimum above maximum, or no such domain.
  bool set_bounds(std::size_t number, std::uint64_t min_bytes, std::uint64_t max_bytes) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Domain& domain(std::size_t number) const noexcept { return domains_[number].domain; }
  // The smoothed marginal use; 0 before the first round.
  [[nodiscard]] double marginal_use(std::size_t number) const noexcept { return domains_[number].marginal_use; }

  // One round. `samples`: a finite number of at least 0 for each domain, by its number; else the round does not count and nothing moves.
  // Of equals the first gives and takes.
  Move end_round(std::span<const double> samples) noexcept;

  [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_; }
  [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }
  [[nodiscard]] std::uint64_t moved_bytes() const noexcept { return moved_bytes_; }

 private:
  struct Entry {
    Domain domain;
    double marginal_use = 0;
  };

  [[nodiscard]] bool take_in(std::span<const double> samples) noexcept;
  [[nodiscard]] Move best_pair() const noexcept;
  [[nodiscard]] std::uint64_t step(const Move& pair) const noexcept;

  Options options_;
  std::array<Entry, kMostDomains> domains_{};
  std::size_t size_ = 0;
  Move last_pair_;
  std::uint32_t same_pair_rounds_ = 0;
  std::uint64_t rounds_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t moved_bytes_ = 0;
};

}  // namespace strata::pools
