#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loadtest/report/histogram.h"
#include "loadtest/wire/reply_scanner.h"
#include "loadtest/workload/operation.h"

namespace strata::loadtest {

// What was counted about one kind of operation.
struct OperationCounts {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t errors = 0;
  Histogram latency;  // of every reply, errors included
};

// One second of the series. The latencies are kept as the buckets that are not empty, so that hours fit.
struct SecondRow {
  struct Bucket {
    std::uint32_t index;
    std::uint32_t count;
  };
  std::uint64_t errors = 0;
  std::vector<Bucket> latency;
};

// What a thread counts during a run; merged afterwards. Thread safety: one thread at a time.
class Recorder {
 public:
  // `times` replies of one kind, all after the same time.
  void add(OperationKind kind, std::uint64_t nanoseconds, std::uint64_t times) noexcept {
    counts_[static_cast<std::size_t>(kind)].latency.add(nanoseconds, times);
  }
  void count(OperationKind kind, const Reply& reply) {
    OperationCounts& counts = counts_[static_cast<std::size_t>(kind)];
    switch (reply.outcome) {
      case Outcome::done: return;
      case Outcome::hit: ++counts.hits; return;
      case Outcome::miss: ++counts.misses; return;
      case Outcome::error: ++counts.errors; return add_error(reply.text);
    }
  }
  void count_hits(OperationKind kind, std::uint64_t hits) noexcept { counts_[static_cast<std::size_t>(kind)].hits += hits; }
  // An error that is not a reply: a lost connection, requests nobody answered.
  void add_error(std::string_view text, std::uint64_t times = 1);

  // A second is over.
  void end_second();
  void clear() { *this = Recorder{}; }
  void add(const Recorder& other);
  void add_errors(const Recorder& other);

  [[nodiscard]] const OperationCounts& counts(OperationKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Histogram latency() const;
  [[nodiscard]] std::uint64_t errors() const noexcept { return error_count_; }
  // By text; at most kErrorTexts different ones, the rest under "(others)".
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& error_texts() const noexcept { return errors_; }
  [[nodiscard]] const std::vector<SecondRow>& series() const noexcept { return series_; }

 private:
  static constexpr std::size_t kErrorTexts = 64;

  std::array<OperationCounts, kOperationKinds> counts_;
  std::map<std::string, std::uint64_t, std::less<>> errors_;
  std::uint64_t error_count_ = 0;
  std::vector<SecondRow> series_;
  Histogram at_last_second_;
  std::uint64_t errors_at_last_second_ = 0;
};

}  // namespace strata::loadtest
