#include <array>

#include "server/admin/metrics/metric_row.h"
#include "server/admin/purpose_name.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

strata_held_memory allocator_memory() {
  strata_held_memory held{};
  held.struct_bytes = sizeof held;
  (void)strata_memory_held(&held);  // fails on a wrong size only
  return held;
}

constexpr std::array kRows = {
    MetricRow{"strata_memory_bytes", MetricType::Gauge, "Memory charged to the limit, by what it is held for.",
              [](const Scrape& scrape, Samples& samples) {
                const Budget& budget = scrape.server().cache.budget();
                for (std::size_t i = 0; i < kPurposeNames.size(); ++i) {
                  samples.add(budget.bytes(static_cast<Purpose>(i)), {{"purpose", kPurposeNames[i]}});
                }
              }},
    MetricRow{"strata_memory_resident_bytes", MetricType::Gauge,
              "What the limit bounds: memory charged by purpose, and what is free in the segments that items lie in.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.resident_bytes()); }},
    MetricRow{
        "strata_items_free_bytes", MetricType::Gauge, "Free in the segments that items lie in.",
        [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.compaction_statistics().free_bytes); }},
    MetricRow{
        "strata_compaction_moved_bytes_total", MetricType::Counter,
        "Bytes of items that were moved so that segments could be given back.",
        [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.compaction_statistics().moved_bytes); }},
    MetricRow{"strata_compaction_segments_total", MetricType::Counter,
              "Segments that were emptied by moving what was left in them, or given up.",
              [](const Scrape& scrape, Samples& samples) {
                const cache::CompactionStatistics told = scrape.server().cache.compaction_statistics();
                samples.add(told.segments_emptied, {{"outcome", "emptied"}});
                samples.add(told.given_up, {{"outcome", "given_up"}});
              }},
    MetricRow{"strata_expiry_walks_total", MetricType::Counter,
              "Segments that were looked through for items that have expired and nobody asked for.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.expiry_statistics().walks); }},
    MetricRow{"strata_expiry_looked_at_total", MetricType::Counter, "Pieces of segments that were looked at in doing so.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.expiry_statistics().looked); }},
    MetricRow{"strata_places_kept_total", MetricType::Counter,
              "Places of items that were replaced or removed and that a thread kept for its next items.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.places_kept()); }},
    MetricRow{"strata_place_searches_total", MetricType::Counter,
              "Writes whose item fitted below the limit, but into no free chunk: more was evicted or moved for it.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.server().cache.statistics_since_start().place_searches);
              }},
    MetricRow{"strata_places_cleared_total", MetricType::Counter,
              "Of these, those that what lay side by side was evicted for, whatever the policy would have let go.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.server().cache.statistics_since_start().places_cleared);
              }},
    MetricRow{"strata_memory_limit_bytes", MetricType::Gauge,
              "The limit of memory: memory.max_memory, or what it has given way to (dynamic_sizing).",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.budget().limit_bytes()); }},
    MetricRow{"strata_memory_peak_bytes", MetricType::Gauge, "The most memory that was ever charged to the limit.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.server().cache.budget().peak_bytes()); }},
    MetricRow{"strata_resident_memory_bytes", MetricType::Gauge,
              "Memory of the process as the kernel counts it, by kind; page tables are no part of what tools call RSS.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.resident.anonymous_bytes, {{"kind", "anonymous"}});
                samples.add(scrape.resident.file_bytes, {{"kind", "file"}});
                samples.add(scrape.resident.shared_bytes, {{"kind", "shared"}});
                samples.add(scrape.resident.page_table_bytes, {{"kind", "page_tables"}});
              }},
    MetricRow{
        "strata_allocator_bytes", MetricType::Gauge,
        "Memory of the engine's allocator, which serves the whole process: in use by blocks or kept for them, free but still "
        "resident, its own records, address space; and, of what is in use, pages given back meanwhile.",
        [](const Scrape&, Samples& samples) {
          const strata_held_memory allocator = allocator_memory();
          samples.add(allocator.in_use_bytes, {{"kind", "in_use"}});
          samples.add(allocator.dirty_free_bytes, {{"kind", "free_resident"}});
          samples.add(allocator.map_bytes, {{"kind", "metadata"}});
          samples.add(allocator.purged_in_use_bytes, {{"kind", "purged_in_use"}});
          samples.add(allocator.reserved_bytes, {{"kind", "reserved"}});
        }},
    MetricRow{"strata_allocator_purged_bytes_total", MetricType::Counter,
              "Free memory that the allocator has given back to the system.",
              [](const Scrape&, Samples& samples) { samples.add(allocator_memory().purged_bytes); }},
};

}  // namespace

std::span<const MetricRow> memory_metrics() { return kRows; }

}  // namespace strata::server::admin
