#include <array>

#include "server/admin/metrics/metric_row.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

// Calls `add(counts, name)` for every command that was called at least once.
template <typename Add>
void for_each_used_command(const Scrape& scrape, Add add) {
  for (const Command& command : scrape.server().commands.all()) {
    const CommandStatistics& counts = scrape.counts.commands[command.id];
    if (counts.calls != 0 || counts.rejected != 0) add(counts, std::string_view(command.full_name));
  }
}

constexpr std::array kRows = {
    MetricRow{"strata_commands_total", MetricType::Counter, "Commands that ran, by name.",
              [](const Scrape& scrape, Samples& samples) {
                for_each_used_command(scrape, [&](const auto& counts, std::string_view name) {
                  samples.add(counts.calls, {{"command", name}});
                });
              }},
    MetricRow{"strata_commands_rejected_total", MetricType::Counter,
              "Commands refused before they ran: wrong number of arguments, no permission, no memory.",
              [](const Scrape& scrape, Samples& samples) {
                for_each_used_command(scrape, [&](const auto& counts, std::string_view name) {
                  samples.add(counts.rejected, {{"command", name}});
                });
              }},
    MetricRow{"strata_commands_failed_total", MetricType::Counter, "Commands that ran and answered an error.",
              [](const Scrape& scrape, Samples& samples) {
                for_each_used_command(scrape, [&](const auto& counts, std::string_view name) {
                  samples.add(counts.failed, {{"command", name}});
                });
              }},
    MetricRow{"strata_command_duration_seconds", MetricType::Histogram, "Time from the start of a command to its reply, by name.",
              [](const Scrape& scrape, Samples& samples) {
                for_each_used_command(scrape, [&](const auto& counts, std::string_view name) {
                  if (counts.calls == 0) return;
                  samples.add(counts.latency, static_cast<double>(counts.nanoseconds) / 1e9, {{"command", name}});
                });
              }},
    MetricRow{"strata_suspended_commands_total", MetricType::Counter,
              "Commands that gave way to others before they were done, such as KEYS of a large database.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.suspended); }},
    MetricRow{"strata_errors_total", MetricType::Counter, "Errors answered to clients, by code.",
              [](const Scrape& scrape, Samples& samples) {
                for (const auto& [code, count] : scrape.counts.errors) samples.add(count, {{"code", code}});
              }},
};

}  // namespace

std::span<const MetricRow> command_metrics() { return kRows; }

}  // namespace strata::server::admin
