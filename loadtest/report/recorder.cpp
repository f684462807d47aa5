#include "loadtest/report/recorder.h"

#include <algorithm>

namespace strata::loadtest {

namespace {

void merge(SecondRow& sum, const SecondRow& part) {
  sum.errors += part.errors;
  std::vector<SecondRow::Bucket> merged;
  auto a = sum.latency.begin();
  auto b = part.latency.begin();
  while (a != sum.latency.end() || b != part.latency.end()) {
    if (b == part.latency.end() || (a != sum.latency.end() && a->index < b->index)) {
      merged.push_back(*a++);
    } else if (a == sum.latency.end() || b->index < a->index) {
      merged.push_back(*b++);
    } else {
      merged.push_back({a->index, a->count + b->count});
      ++a;
      ++b;
    }
  }
  sum.latency = std::move(merged);
}

}  // namespace

void Recorder::add_error(std::string_view text, std::uint64_t times) {
  if (times == 0) return;
  error_count_ += times;
  auto found = errors_.find(text);
  if (found == errors_.end()) {
    found = errors_.try_emplace(errors_.size() < kErrorTexts ? std::string(text.substr(0, 200)) : "(others)", 0).first;
  }
  found->second += times;
}

void Recorder::end_second() {
  const Histogram now = latency();
  SecondRow& row = series_.emplace_back();
  row.errors = error_count_ - errors_at_last_second_;
  now.since(at_last_second_).each([&row](std::size_t bucket, std::uint64_t count) {
    row.latency.push_back({static_cast<std::uint32_t>(bucket), static_cast<std::uint32_t>(count)});
  });
  at_last_second_ = now;
  errors_at_last_second_ = error_count_;
}

void Recorder::add(const Recorder& other) {
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    counts_[i].hits += other.counts_[i].hits;
    counts_[i].misses += other.counts_[i].misses;
    counts_[i].errors += other.counts_[i].errors;
    counts_[i].latency.add(other.counts_[i].latency);
  }
  add_errors(other);
  series_.resize(std::max(series_.size(), other.series_.size()));
  for (std::size_t i = 0; i < other.series_.size(); ++i) merge(series_[i], other.series_[i]);
}

void Recorder::add_errors(const Recorder& other) {
  for (const auto& [text, times] : other.errors_) add_error(text, times);
}

Histogram Recorder::latency() const {
  Histogram sum;
  for (const OperationCounts& counts : counts_) sum.add(counts.latency);
  return sum;
}

}  // namespace strata::loadtest
