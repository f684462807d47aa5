#include "server/admin/metrics/metric_row.h"

#include <string>

namespace strata::server::admin {

prometheus::ClientMetric& Samples::next(Labels labels) {
  prometheus::ClientMetric& sample = family_.metric.emplace_back();
  for (const Label& label : labels) sample.label.push_back({std::string(label.name), std::string(label.value)});
  return sample;
}

void Samples::add(double value, Labels labels) {
  prometheus::ClientMetric& sample = next(labels);
  (family_.type == prometheus::MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
}

void Samples::add(const Histogram<std::uint64_t>& histogram, double sum_seconds, Labels labels) {
  prometheus::ClientMetric::Histogram& out = next(labels).histogram;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
    count += histogram.buckets[i];
    // The last bucket has no bound: it is the one up to infinity, which the serializer writes from the count.
    if (i + 1 == histogram.buckets.size()) break;
    out.bucket.push_back({count, static_cast<double>(Histogram<std::uint64_t>::upper_bound_microseconds(i)) / 1e6});
  }
  out.sample_count = count;
  out.sample_sum = sum_seconds;
}

const std::vector<MetricRow>& all_metrics() {
  static const std::vector<MetricRow> metrics = [] {
    std::vector<MetricRow> all;
    for (const auto& part :
         {process_metrics(), command_metrics(), cache_metrics(), memory_metrics(), network_metrics(), admin_metrics()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return metrics;
}

prometheus::MetricFamily collect(const MetricRow& row, const Scrape& scrape) {
  prometheus::MetricFamily family;
  family.name = row.name;
  family.help = row.help;
  family.type = row.type;
  Samples samples(family);
  row.collect(scrape, samples);
  return family;
}

}  // namespace strata::server::admin
