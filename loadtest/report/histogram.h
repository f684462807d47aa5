#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// Latencies, counted in buckets that grow with the value (the log-linear layout of HdrHistogram, Tene 2012).
namespace strata::loadtest {

// Counts nanoseconds from 0 to about 18 minutes; longer ones count as that. A percentile is reported as the upper end of its
// bucket and is at most 1/128 (0.79 %) above the true value, never below it; maximum and mean are exact.
// Costs about 35 kB. Thread safety: one thread at a time.
class Histogram {
 public:
  static constexpr unsigned kPrecisionBits = 7;  // 128 buckets to every doubling
  static constexpr unsigned kRangeBits = 40;
  static constexpr std::size_t kLinear = std::size_t{1} << kPrecisionBits;
  static constexpr std::size_t kBuckets = kLinear * (kRangeBits - kPrecisionBits + 1);
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << kRangeBits) - 1;

  void add(std::uint64_t nanoseconds, std::uint64_t times = 1) noexcept {
    buckets_[bucket_of(std::min(nanoseconds, kLargest))] += times;
    count_ += times;
    sum_ += nanoseconds * times;
    if (nanoseconds > maximum_) maximum_ = nanoseconds;
  }

  void add(const Histogram& other) noexcept;
  // What was added since `earlier`, a former copy of this one; the maximum is that of the highest bucket then.
  [[nodiscard]] Histogram since(const Histogram& earlier) const noexcept;
  void clear() noexcept { *this = Histogram{}; }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t maximum() const noexcept { return maximum_; }
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // The value that `share` (0 to 1) of all values do not exceed; 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept;

  // visit(bucket, count) for every bucket that is not empty, in ascending order.
  void each(const auto& visit) const {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      if (buckets_[i] != 0) visit(i, buckets_[i]);
    }
  }

  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kLinear) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPrecisionBits;
    return kLinear * shift + static_cast<std::size_t>(value >> shift);
  }
  // The largest value of the bucket.
  static constexpr std::uint64_t upper_end(std::size_t bucket) noexcept {
    if (bucket < kLinear) return bucket;
    const std::size_t shift = bucket / kLinear - 1;
    return (((bucket % kLinear) + kLinear + 1) << shift) - 1;
  }

 private:
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t maximum_ = 0;
};

}  // namespace strata::loadtest
