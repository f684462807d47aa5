#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loadtest/random.h"

// Which of N things comes next: uniform, by popularity, or in order.
namespace strata::loadtest {

// Draws ranks from 0 to count - 1; rank 0 is the most popular one. Thread safety: one thread at a time.
class Distribution {
 public:
  virtual ~Distribution() = default;
  virtual std::uint64_t next(Random& random) = 0;

  // "uniform", "zipf:0.99", "gaussian:0.1" (deviation as a share of the count), "hotset:0.1:0.9" (share of the keys, share of
  // the requests that go to them), "sequential". nullptr, and what is wrong in `problem`, if the text is none of these.
  // `first` and `step`: where sequential begins and how it goes on, so that threads can divide the keys among them.
  // REQUIRES: count > 0, step > 0.
  static std::unique_ptr<Distribution> parse(std::string_view text, std::uint64_t count, std::uint64_t first, std::uint64_t step,
                                             std::string& problem);
};

// Zipf's law over `count` ranks: rank r (from 1) with weight 1 / r^alpha, for any alpha >= 0. Takes constant time and no table:
// rejection-inversion (Hormann, Derflinger 1996).
class Zipf final : public Distribution {
 public:
  Zipf(std::uint64_t count, double alpha);
  std::uint64_t next(Random& random) override;

 private:
  [[nodiscard]] double integral(double x) const;
  [[nodiscard]] double inverse_integral(double x) const;
  [[nodiscard]] double weight(double x) const;

  double count_;
  double alpha_;
  double integral_of_first_;
  double integral_of_last_;
  double accept_at_once_;
};

}  // namespace strata::loadtest
