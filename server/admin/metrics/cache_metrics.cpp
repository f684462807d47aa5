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
    MetricRow{"strata_misses_by_cause_total", MetricType::Counter,
              "Misses by what had become of the key, as far as it is remembered (about as many keys as there are in the cache).",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.cache.misses_never_seen(), {{"cause", "never_seen"}});
                samples.add(scrape.cache.misses_evicted, {{"cause", "evicted"}});
                samples.add(scrape.cache.misses_expired, {{"cause", "expired"}});
                samples.add(scrape.cache.misses_removed, {{"cause", "removed"}});
                samples.add(scrape.cache.misses_flushed, {{"cause", "flushed"}});
              }},
    MetricRow{"strata_evicted_keys_total", MetricType::Counter, "Keys removed because memory was needed.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.evicted); }},
    MetricRow{"strata_eviction_samples_total", MetricType::Counter,
              "Keys looked at here and there to find one to evict, under the policies that compare a few.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.sampled); }},
    MetricRow{"strata_evicted_new_keys_total", MetricType::Counter,
              "Of the evicted keys, those that s3fifo let go because they were not asked for often enough while they were new.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.evicted_young); }},
    MetricRow{"strata_promoted_keys_total", MetricType::Counter, "Keys that s3fifo moved to its main queue.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.promoted); }},
    MetricRow{"strata_judged_by_size_keys_total", MetricType::Counter,
              "Keys that s3fifo let go or moved to its main queue because they were large or small.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.judged_by_size); }},
    MetricRow{"strata_readmitted_keys_total", MetricType::Counter,
              "Keys that s3fifo had let go while they were new and that came again soon.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.readmitted); }},
    MetricRow{"strata_expiries_jittered_total", MetricType::Counter,
              "Keys that were given less time than asked for (expiry.jitter_percent).",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.expiries_jittered); }},
    MetricRow{"strata_expiries_renewed_total", MetricType::Counter,
              "Times that the lifetime of a key began anew (expiry.sliding).",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.expiries_renewed); }},
    MetricRow{"strata_expired_keys_total", MetricType::Counter, "Keys removed because their time had come.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.expired); }},
    MetricRow{"strata_invalidated_keys_total", MetricType::Counter,
              "Keys removed because their prefix was invalidated, or for their age or idleness; counted when they are taken out.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.cache.invalidated); }},
    MetricRow{"strata_pending_prefixes", MetricType::Gauge,
              "Invalidated prefixes whose keys, which nobody sees any more, have not all been taken out.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.pending_prefixes()); }},
    MetricRow{"strata_events_total", MetricType::Counter, "What the cache did, or noticed, by itself (GET /v1/events), by kind.",
              [](const Scrape& scrape, Samples& samples) {
                for (std::size_t kind = 0; kind < cache::kEventKinds; ++kind)
                  samples.add(scrape.server().cache.events().counts(static_cast<cache::EventKind>(kind)).events,
                              {{"kind", cache::kEventKindNames[kind]}});
              }},
    MetricRow{"strata_event_keys_total", MetricType::Counter, "Keys that were removed at such events, by kind.",
              [](const Scrape& scrape, Samples& samples) {
                for (std::size_t kind = 0; kind < cache::kEventKinds; ++kind)
                  samples.add(scrape.server().cache.events().counts(static_cast<cache::EventKind>(kind)).items,
                              {{"kind", cache::kEventKindNames[kind]}});
              }},
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
