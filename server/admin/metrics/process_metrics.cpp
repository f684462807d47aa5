#include <array>

#include "server/admin/metrics/metric_row.h"
#include "server/version.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

constexpr std::array kRows = {
    MetricRow{"strata_build_info", MetricType::Gauge, "The version that is running, as a label; the value is always 1.",
              [](const Scrape&, Samples& samples) {
                samples.add(1.0, {{"version", kVersion}});
              }},
    MetricRow{"strata_start_time_seconds", MetricType::Gauge, "When the process started, in seconds since 1970.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(static_cast<double>(scrape.server().facts.started_at_ms) / 1e3);
              }},
    MetricRow{"strata_uptime_seconds", MetricType::Gauge, "For how long the process has been running.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.uptime_seconds); }},
    MetricRow{"strata_cpu_seconds_total", MetricType::Counter, "Processor time the process has used, by mode.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.cpu_user_seconds, {{"mode", "user"}});
                samples.add(scrape.cpu_system_seconds, {{"mode", "system"}});
              }},
    MetricRow{"strata_threads", MetricType::Gauge, "Event loops that serve clients.",
              [](const Scrape& scrape, Samples& samples) { samples.add(std::uint64_t{scrape.server().facts.threads}); }},
    MetricRow{"strata_open_files", MetricType::Gauge, "File descriptors the process has open.",
              [](const Scrape& scrape, Samples& samples) { samples.add(std::uint64_t{scrape.open_files}); }},
};

}  // namespace

std::span<const MetricRow> process_metrics() { return kRows; }

}  // namespace strata::server::admin
