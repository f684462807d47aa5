#include "loadtest/report/histogram.h"

#include <cmath>

namespace strata::loadtest {

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  maximum_ = std::max(maximum_, other.maximum_);
}

Histogram Histogram::since(const Histogram& earlier) const noexcept {
  Histogram difference;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    difference.buckets_[i] = buckets_[i] - earlier.buckets_[i];
    if (difference.buckets_[i] != 0) difference.maximum_ = std::min(upper_end(i), maximum_);
  }
  difference.count_ = count_ - earlier.count_;
  difference.sum_ = sum_ - earlier.sum_;
  return difference;
}

std::uint64_t Histogram::percentile(double share) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(upper_end(i), maximum_);
  }
  return maximum_;
}

}  // namespace strata::loadtest
