#include <array>

#include "server/admin/metrics/metric_row.h"

namespace strata::server::admin {

namespace {

using prometheus::MetricType;

constexpr std::array kRows = {
    MetricRow{"strata_connections", MetricType::Gauge, "Clients connected now.",
              [](const Scrape& scrape, Samples& samples) { samples.add(std::uint64_t{scrape.server().clients.size()}); }},
    MetricRow{"strata_connections_accepted_total", MetricType::Counter, "Connections of clients accepted.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.connections_accepted); }},
    MetricRow{"strata_connections_rejected_total", MetricType::Counter,
              "Connections refused because limits.max_clients was reached, or by security.protected_mode.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.connections_rejected); }},
    MetricRow{"strata_connections_dropped_total", MetricType::Counter,
              "Connections the server closed, by reason: slow (the output limit was reached), largest (all clients held too "
              "much) or idle.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.counts.traffic.dropped_slow, {{"reason", "slow"}});
                samples.add(scrape.counts.traffic.dropped_largest, {{"reason", "largest"}});
                samples.add(scrape.counts.traffic.dropped_idle, {{"reason", "idle"}});
              }},
    MetricRow{"strata_access_denied_total", MetricType::Counter,
              "What the permissions of users have refused, by reason: auth (a wrong name or password), command, key or channel.",
              [](const Scrape& scrape, Samples& samples) {
                const AclLog& log = scrape.server().acl.log();
                for (std::size_t i = 0; i < AclLog::kReasonNames.size(); ++i)
                  samples.add(log.refusals(static_cast<AclLog::Reason>(i)), {{"reason", AclLog::kReasonNames[i]}});
              }},
    MetricRow{"strata_network_input_bytes_total", MetricType::Counter, "Bytes received from clients.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.network_input_bytes); }},
    MetricRow{"strata_network_output_bytes_total", MetricType::Counter, "Bytes sent to clients.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.network_output_bytes); }},
    MetricRow{"strata_protocol_errors_total", MetricType::Counter,
              "Requests that could not be understood, after which the connection was closed.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.protocol_errors); }},
    MetricRow{"strata_tls_handshakes_total", MetricType::Counter,
              "Connections by TLS, by what came of the handshake: completed or failed.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.counts.traffic.tls_handshakes, {{"result", "completed"}});
                samples.add(scrape.counts.traffic.tls_failures, {{"result", "failed"}});
              }},
    MetricRow{"strata_loop_turns_total", MetricType::Counter, "Turns of the event loops: readable sockets served.",
              [](const Scrape& scrape, Samples& samples) { samples.add(scrape.counts.traffic.turns); }},
    MetricRow{"strata_loop_lag_seconds", MetricType::Histogram, "How late timers of the event loops fired.",
              [](const Scrape& scrape, Samples& samples) {
                samples.add(scrape.counts.traffic.loop_lag,
                            static_cast<double>(scrape.counts.traffic.loop_lag_nanoseconds) / 1e9);
              }},
};

}  // namespace

std::span<const MetricRow> network_metrics() { return kRows; }

}  // namespace strata::server::admin
