#include "loadtest/workload/distribution.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "config/nearest_word.h"
#include "loadtest/workload/option_text.h"

namespace strata::loadtest {

namespace {

class Uniform final : public Distribution {
 public:
  explicit Uniform(std::uint64_t count) : count_(count) {}
  std::uint64_t next(Random& random) override { return random.below(count_); }

 private:
  std::uint64_t count_;
};

// The middle ranks are the popular ones; folded, so that rank 0 is.
class Gaussian final : public Distribution {
 public:
  Gaussian(std::uint64_t count, double deviation_share)
      : count_(count), deviation_(deviation_share * static_cast<double>(count)) {}

  std::uint64_t next(Random& random) override {
    for (;;) {
      const double rank = std::abs(random.normal()) * deviation_;
      if (rank < static_cast<double>(count_)) return static_cast<std::uint64_t>(rank);
    }
  }

 private:
  std::uint64_t count_;
  double deviation_;
};

class HotSet final : public Distribution {
 public:
  HotSet(std::uint64_t count, double key_share, double request_share)
      : count_(count),
        hot_(std::clamp<std::uint64_t>(static_cast<std::uint64_t>(key_share * static_cast<double>(count)), 1, count)),
        request_share_(request_share) {}

  std::uint64_t next(Random& random) override {
    if (hot_ == count_ || random.unit() < request_share_) return random.below(hot_);
    return hot_ + random.below(count_ - hot_);
  }

 private:
  std::uint64_t count_;
  std::uint64_t hot_;
  double request_share_;
};

class Sequential final : public Distribution {
 public:
  Sequential(std::uint64_t count, std::uint64_t first, std::uint64_t step)
      : count_(count), first_(first % count), step_(step), next_(first_) {}

  std::uint64_t next(Random&) override {
    const std::uint64_t now = next_;
    next_ = next_ + step_ < count_ ? next_ + step_ : first_;
    return now;
  }

 private:
  std::uint64_t count_;
  std::uint64_t first_;
  std::uint64_t step_;
  std::uint64_t next_;
};

constexpr double kLargestAlpha = 10;

bool is_share(double value) { return value > 0 && value <= 1; }

}  // namespace

std::unique_ptr<Distribution> Distribution::parse(std::string_view text, std::uint64_t count, std::uint64_t first,
                                                  std::uint64_t step, std::string& problem) {
  const std::vector<std::string_view> parts = split(text, ':');
  const std::string_view name = parts.front();
  const auto number = [&](std::size_t i) { return parse_number(parts[i]).value_or(-1); };
  if (name == "uniform" && parts.size() == 1) return std::make_unique<Uniform>(count);
  if (name == "sequential" && parts.size() == 1) return std::make_unique<Sequential>(count, first, step);
  if (name == "zipf" && parts.size() == 2 && number(1) >= 0 && number(1) <= kLargestAlpha) {
    return std::make_unique<Zipf>(count, number(1));
  }
  if (name == "gaussian" && parts.size() == 2 && is_share(number(1))) return std::make_unique<Gaussian>(count, number(1));
  if (name == "hotset" && parts.size() == 3 && is_share(number(1)) && is_share(number(2))) {
    return std::make_unique<HotSet>(count, number(1), number(2));
  }
  problem =
      "'" + std::string(text) +
      "' is no distribution; allowed: uniform, zipf:ALPHA (0 to 10), gaussian:SHARE, hotset:KEYS:REQUESTS (shares above 0, up "
      "to 1), sequential";
  const std::string_view nearest = config::nearest_word(name, {"uniform", "zipf", "gaussian", "hotset", "sequential"});
  if (!nearest.empty() && nearest != name) problem += "; did you mean " + std::string(nearest) + "?";
  return nullptr;
}

// H(x), the integral of x^-alpha, in a form that is exact near alpha = 1 too.
double Zipf::integral(double x) const {
  const double log_x = std::log(x);
  const double exponent = (1 - alpha_) * log_x;
  return (std::abs(exponent) > 1e-8 ? std::expm1(exponent) / exponent : 1 + exponent / 2) * log_x;
}

double Zipf::inverse_integral(double x) const {
  const double t = std::max(x * (1 - alpha_), -1.0);
  return std::exp((std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t / 2) * x);
}

double Zipf::weight(double x) const { return std::exp(-alpha_ * std::log(x)); }

Zipf::Zipf(std::uint64_t count, double alpha)
    : count_(static_cast<double>(count)),
      alpha_(alpha),
      integral_of_first_(integral(1.5) - 1),
      integral_of_last_(integral(count_ + 0.5)),
      accept_at_once_(2 - inverse_integral(integral(2.5) - weight(2))) {}

std::uint64_t Zipf::next(Random& random) {
  for (;;) {
    const double u = integral_of_last_ + random.unit() * (integral_of_first_ - integral_of_last_);
    const double x = inverse_integral(u);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
    if (rank - x <= accept_at_once_ || u >= integral(rank + 0.5) - weight(rank)) return static_cast<std::uint64_t>(rank) - 1;
  }
}

}  // namespace strata::loadtest
