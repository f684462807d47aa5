#include <array>
#include <string>

#include "server/admin/metrics/metric_row.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

constexpr std::array kRows = {
    MetricRow{"strata_admin_requests_total", MetricType::Counter, "Requests to the admin API, by route and status.",
              [](const Scrape& scrape, Samples& samples) {
                for (const auto& [key, count] : scrape.state.requests.all()) {
                  samples.add(count, {{"method", key.method}, {"route", key.path}, {"status", std::to_string(key.status)}});
                }
              }},
};

}  // namespace

std::span<const MetricRow> admin_metrics() { return kRows; }

}  // namespace strata::server::admin
