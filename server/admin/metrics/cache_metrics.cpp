#include <array>
#include <string>

#include "server/admin/metrics/metric_row.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

constexpr std::array kRows = {
    MetricRow{"strata_hits_total", MetricType::Counter, "Lookups of keys that were there.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.hits); }},
    MetricRow{"strata_misses_total", MetricType::Counter, "Lookups of keys that were not there.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.misses); }},
    MetricRow{"strata_evicted_keys_total", MetricType::Counter, "Keys removed because memory was needed.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.evicted); }},
    MetricRow{"strata_expired_keys_total", MetricType::Counter, "Keys removed because their time had come.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.expired); }},
    MetricRow{"strata_eviction_refusals_total", MetricType::Counter,
              "Writes refused because the memory limit was reached and nothing could be evicted.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.eviction_refusals); }},
    MetricRow{"strata_keys", MetricType::Gauge, "Keys by database; databases without keys are left out.",
              [](const Scrape& scrape, Samples& samples) {
                for (std::size_t i = 0; i < scrape.databases.size(); ++i) {
                  const cache::NamespaceSize& size = scrape.databases[i];
                  if (size.items != 0) samples.add(size.items, {{"database", std::to_string(i)}});
                }
              }},
    MetricRow{"strata_keys_with_expiry", MetricType::Gauge, "Keys that have an expiry, by database.",
              [](const Scrape& scrape, Samples& samples) {
                for (std::size_t i = 0; i < scrape.databases.size(); ++i) {
                  const cache::NamespaceSize& size = scrape.databases[i];
                  if (size.items != 0) samples.add(size.with_expiry, {{"database", std::to_string(i)}});
                }
              }},
};

}  // namespace

std::span<const MetricRow> cache_metrics() { return kRows; }

}  // namespace strata::server::admin
