#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "server/admin/metrics/scrape.h"

namespace strata::server::admin {

// Collects the samples of one metric in the form of its type.
class Samples {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;
  };
  using Labels = std::initializer_list<Label>;

  explicit Samples(prometheus::MetricFamily& family) : family_(family) {}

  void add(std::uint64_t value, Labels labels = {}) { add(static_cast<double>(value), labels); }
  void add(double value, Labels labels = {});
  // REQUIRES: the metric is a histogram
  void add(const Histogram<std::uint64_t>& histogram, double sum_seconds, Labels labels = {});

 private:
  prometheus::ClientMetric& next(Labels labels);

  prometheus::MetricFamily& family_;
};

// One metric. The name ends with its unit (seconds, bytes; a counter then _total), as Prometheus has it.
struct MetricRow {
  std::string_view name;
  prometheus::MetricType type;
  std::string_view help;
  void (*collect)(const Scrape& scrape, Samples& samples);
};

// The tables, one per subject.
std::span<const MetricRow> process_metrics();
std::span<const MetricRow> command_metrics();
std::span<const MetricRow> cache_metrics();
std::span<const MetricRow> memory_metrics();
std::span<const MetricRow> network_metrics();
std::span<const MetricRow> admin_metrics();

// All of them, in this order. To add a metric: a row in the table of its subject.
const std::vector<MetricRow>& all_metrics();

// The samples of one row.
[[nodiscard]] prometheus::MetricFamily collect(const MetricRow& row, const Scrape& scrape);

}  // namespace strata::server::admin
