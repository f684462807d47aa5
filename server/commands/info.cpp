#include "server/commands/info.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <string>

#include "server/commands/memory_figures.h"
#include "server/commands/words.h"
#include "server/version.h"

namespace strata::server {

namespace {

// What the sections are written from: one look at the counters serves them all.
struct Facts {
  ServerState& server;
  StatisticsSnapshot counts;
  cache::Statistics cache;
  std::int64_t now_ms;
};

template <typename Value>
void field(std::string& out, std::string_view name, const Value& value) {
  fmt::format_to(std::back_inserter(out), "{}:{}\r\n", name, value);
}

std::string human(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "K", "M", "G", "T"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return unit == 0 ? fmt::format("{}B", bytes) : fmt::format("{:.2f}{}", number, kUnits[unit]);
}

void server_section(std::string& out, const Facts& facts) {
  const ProcessFacts& process = facts.server.facts;
  utsname system{};
  uname(&system);
  const std::int64_t uptime = (facts.now_ms - process.started_at_ms) / 1000;
  field(out, "redis_version", kRedisVersion);
  field(out, "strata_version", kVersion);
  field(out, "redis_mode", "standalone");
  field(out, "os", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  field(out, "arch_bits", 64);
  field(out, "multiplexing_api", "epoll");
  field(out, "process_id", getpid());
  field(out, "run_id", process.run_id);
  field(out, "tcp_port", process.port);
  field(out, "server_time_usec", facts.now_ms * 1000);
  field(out, "uptime_in_seconds", uptime);
  field(out, "uptime_in_days", uptime / 86400);
  field(out, "executable", process.executable);
  field(out, "config_file", process.config_file);
  field(out, "io_threads_active", process.threads > 1 ? 1 : 0);
  field(out, "strata_threads", process.threads);
}

void clients_section(std::string& out, const Facts& facts) {
  field(out, "connected_clients", facts.server.clients.size());
  field(out, "cluster_connections", 0);
  field(out, "maxclients", facts.server.limits.max_clients.load(std::memory_order_relaxed));
  field(out, "tracking_clients", 0);
  field(out, "blocked_clients", facts.server.clients.waiting() + facts.server.pause.held());
  field(out, "strata_paused_clients", facts.server.pause.held());
  field(out, "strata_watching_clients", facts.server.monitors.watchers());
}

void memory_section(std::string& out, const Facts& facts) {
  const Budget& budget = facts.server.cache.budget();
  const MemoryFigures memory = memory_figures(facts.server);
  const std::uint64_t limit = budget.limit_bytes();
  field(out, "used_memory", memory.used);
  field(out, "used_memory_human", human(memory.used));
  field(out, "used_memory_rss", memory.rss);
  field(out, "used_memory_rss_human", human(memory.rss));
  field(out, "used_memory_peak", memory.peak);
  field(out, "used_memory_peak_human", human(memory.peak));
  field(out, "used_memory_peak_perc", fmt::format("{:.2f}%", 100.0 * ratio(memory.used, memory.peak)));
  field(out, "used_memory_overhead", memory.overhead);
  field(out, "used_memory_dataset", memory.dataset);
  field(out, "used_memory_dataset_perc", fmt::format("{:.2f}%", 100.0 * ratio(memory.dataset, memory.used)));
  if (const auto total = LinuxSystemMemory().total_bytes()) {
    field(out, "total_system_memory", *total);
    field(out, "total_system_memory_human", human(*total));
  }
  // Nothing runs scripts.
  for (const std::string_view name : {"used_memory_lua", "used_memory_vm_eval", "used_memory_vm_functions", "used_memory_vm_total",
                                      "used_memory_scripts", "used_memory_scripts_eval", "used_memory_functions"})
    field(out, name, 0);
  for (const std::string_view name : {"used_memory_lua_human", "used_memory_vm_total_human", "used_memory_scripts_human"})
    field(out, name, human(0));
  for (const std::string_view name : {"number_of_cached_scripts", "number_of_functions", "number_of_libraries"}) field(out, name, 0);
  field(out, "maxmemory", facts.server.cache.tunables().max_memory_bytes);
  field(out, "strata_limit_bytes", limit);
  field(out, "maxmemory_human", human(limit));
  field(out, "maxmemory_policy", cache::policy_name(facts.server.cache.tunables().policy));
  field(out, "mem_fragmentation_ratio", fmt::format("{:.2f}", ratio(memory.rss, memory.used)));
  field(out, "mem_fragmentation_bytes", static_cast<std::int64_t>(memory.rss) - static_cast<std::int64_t>(memory.used));
  field(out, "mem_clients_normal", budget.bytes(Purpose::client_buffers));
  // There are no replicas, no cluster and no log of changes; the limit is for all memory.
  for (const std::string_view name : {"mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers",
                                      "mem_clients_slaves", "mem_cluster_links", "mem_aof_buffer"})
    field(out, name, 0);
  field(out, "strata_client_values_bytes", facts.server.cache.held_value_bytes());
  field(out, "mem_allocator", memory.allocator);
  field(out, "allocator_active", memory.allocator_active);
  field(out, "allocator_resident", memory.allocator_resident);
  field(out, "lazyfree_pending_objects", facts.server.cache.items_to_clear());
  field(out, "strata_items_bytes", budget.bytes(Purpose::items));
  field(out, "strata_index_bytes", budget.bytes(Purpose::index));
  field(out, "strata_large_values_bytes", budget.bytes(Purpose::large_values));
  field(out, "strata_policy_bytes", budget.bytes(Purpose::policy));
  field(out, "strata_process_bytes", budget.bytes(Purpose::process));
  const cache::CompactionStatistics compaction = facts.server.cache.compaction_statistics();
  field(out, "strata_items_free_bytes", compaction.free_bytes);
  field(out, "active_defrag_running", facts.server.cache.is_compacting() ? 1 : 0);
  field(out, "strata_compaction_moved_items", compaction.moved_items);
  field(out, "strata_compaction_moved_bytes", compaction.moved_bytes);
  field(out, "strata_compaction_segments_emptied", compaction.segments_emptied);
  field(out, "strata_compaction_given_up", compaction.given_up);
  const cache::ExpiryStatistics expiry = facts.server.cache.expiry_statistics();
  field(out, "strata_expiry_walks", expiry.walks);
  field(out, "strata_expiry_looked_at", expiry.looked);
  field(out, "strata_places_kept", facts.server.cache.places_kept());
  field(out, "strata_place_searches", facts.server.cache.statistics().place_searches);
  field(out, "strata_places_cleared", facts.server.cache.statistics().places_cleared);
}

void persistence_section(std::string& out, const Facts&) {
  field(out, "loading", 0);
  field(out, "async_loading", 0);
  // Nothing is ever saved: what would tell of the last time is left out.
  field(out, "rdb_bgsave_in_progress", 0);
  field(out, "rdb_current_bgsave_time_sec", -1);
  field(out, "rdb_saves", 0);
  field(out, "aof_enabled", 0);
  field(out, "aof_rewrite_in_progress", 0);
  field(out, "aof_rewrite_scheduled", 0);
  field(out, "aof_current_rewrite_time_sec", -1);
  field(out, "aof_rewrites", 0);
  field(out, "module_fork_in_progress", 0);
}

void stats_section(std::string& out, const Facts& facts) {
  const BasicTraffic<std::uint64_t>& traffic = facts.counts.traffic;
  const Statistics::Rates rates = facts.server.statistics.rates();
  field(out, "total_connections_received", traffic.connections_accepted);
  field(out, "total_commands_processed", facts.counts.total_calls());
  field(out, "instantaneous_ops_per_sec", rates.commands_per_second);
  field(out, "total_net_input_bytes", traffic.network_input_bytes);
  field(out, "total_net_output_bytes", traffic.network_output_bytes);
  field(out, "instantaneous_input_kbps", fmt::format("{:.2f}", rates.input_kilobytes_per_second));
  field(out, "instantaneous_output_kbps", fmt::format("{:.2f}", rates.output_kilobytes_per_second));
  field(out, "rejected_connections", traffic.connections_rejected);
  field(out, "expired_keys", facts.cache.expired);
  field(out, "strata_expiries_jittered", facts.cache.expiries_jittered);
  field(out, "strata_expiries_renewed", facts.cache.expiries_renewed);
  field(out, "evicted_keys", facts.cache.evicted);
  field(out, "evicted_clients", traffic.dropped_largest);
  field(out, "client_output_buffer_limit_disconnections", traffic.dropped_slow);
  field(out, "keyspace_hits", facts.cache.hits);
  field(out, "keyspace_misses", facts.cache.misses);
  field(out, "strata_misses_never_seen", facts.cache.misses_never_seen());
  field(out, "strata_misses_evicted", facts.cache.misses_evicted);
  field(out, "strata_misses_expired", facts.cache.misses_expired);
  field(out, "strata_misses_removed", facts.cache.misses_removed);
  field(out, "strata_misses_flushed", facts.cache.misses_flushed);
  field(out, "latest_fork_usec", 0);  // it never forks
  field(out, "total_forks", 0);
  // There are no replicas, no channels, no tracking of keys, and no other servers.
  for (const std::string_view name :
       {"total_net_repl_input_bytes", "total_net_repl_output_bytes", "sync_full", "sync_partial_ok", "sync_partial_err",
        "pubsub_channels", "pubsub_patterns", "pubsubshard_channels", "migrate_cached_sockets", "slave_expires_tracked_keys",
        "tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"})
    field(out, name, 0);
  for (const std::string_view name : {"instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps"}) field(out, name, "0.00");
  field(out, "total_error_replies", facts.counts.total_errors());
  field(out, "strata_eviction_refusals", facts.cache.eviction_refusals);
  field(out, "strata_eviction_samples", facts.cache.sampled);
  field(out, "strata_evicted_new_keys", facts.cache.evicted_young);
  field(out, "strata_promoted_keys", facts.cache.promoted);
  field(out, "strata_judged_by_size_keys", facts.cache.judged_by_size);
  field(out, "strata_readmitted_keys", facts.cache.readmitted);
  field(out, "strata_protocol_errors", traffic.protocol_errors);
  field(out, "strata_tls_handshakes", traffic.tls_handshakes);
  field(out, "strata_tls_failures", traffic.tls_failures);
  field(out, "strata_suspended_commands", traffic.suspended);
  field(out, "strata_monitor_lines", facts.server.monitors.lines());
  field(out, "strata_monitor_left_out", facts.server.monitors.left_out());
  const AclLog& refused = facts.server.acl.log();
  field(out, "acl_access_denied_auth", refused.refusals(AclLog::Reason::auth));
  field(out, "acl_access_denied_cmd", refused.refusals(AclLog::Reason::command));
  field(out, "acl_access_denied_key", refused.refusals(AclLog::Reason::key));
  field(out, "acl_access_denied_channel", refused.refusals(AclLog::Reason::channel));
}

void replication_section(std::string& out, const Facts& facts) {
  field(out, "role", "master");
  field(out, "connected_slaves", 0);
  field(out, "master_failover_state", "no-failover");
  field(out, "master_replid", facts.server.facts.replication_id);
  field(out, "master_replid2", std::string(facts.server.facts.replication_id.size(), '0'));  // there was none before
  field(out, "master_repl_offset", 0);
  field(out, "second_repl_offset", -1);
  field(out, "repl_backlog_active", 0);
  field(out, "repl_backlog_first_byte_offset", 0);
  field(out, "repl_backlog_histlen", 0);
}

void cpu_section(std::string& out, const Facts&) {
  const auto seconds = [](const timeval& time) {
    return fmt::format("{:.6f}", static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6);
  };
  rusage self{};
  getrusage(RUSAGE_SELF, &self);
  field(out, "used_cpu_sys", seconds(self.ru_stime));
  field(out, "used_cpu_user", seconds(self.ru_utime));
  rusage children{};
  getrusage(RUSAGE_CHILDREN, &children);
  field(out, "used_cpu_sys_children", seconds(children.ru_stime));
  field(out, "used_cpu_user_children", seconds(children.ru_utime));
}

void commandstats_section(std::string& out, const Facts& facts) {
  for (const Command& command : facts.server.commands.all()) {
    const auto& counts = facts.counts.commands[command.id];
    if (counts.calls == 0 && counts.rejected == 0) continue;
    const double microseconds = static_cast<double>(counts.nanoseconds) / 1000;
    fmt::format_to(std::back_inserter(out),
                   "cmdstat_{}:calls={},usec={:.0f},usec_per_call={:.2f},rejected_calls={},failed_calls={}\r\n",
                   command.full_name, counts.calls, microseconds,
                   counts.calls == 0 ? 0.0 : microseconds / static_cast<double>(counts.calls), counts.rejected, counts.failed);
  }
}

void errorstats_section(std::string& out, const Facts& facts) {
  for (const auto& [code, count] : facts.counts.errors)
    fmt::format_to(std::back_inserter(out), "errorstat_{}:count={}\r\n", code, count);
}

// The upper bound of the bucket in which the quantile lies: a statement that holds, at most a factor of two too high.
std::uint64_t quantile_us(const Histogram<std::uint64_t>& latency, std::uint64_t calls, double quantile) {
  const auto rank = static_cast<std::uint64_t>(quantile * static_cast<double>(calls));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < latency.buckets.size(); ++i) {
    seen += latency.buckets[i];
    if (seen > rank || seen == calls) return Histogram<std::uint64_t>::upper_bound_microseconds(i);
  }
  return 0;
}

void latencystats_section(std::string& out, const Facts& facts) {
  for (const Command& command : facts.server.commands.all()) {
    const auto& latency = facts.counts.commands[command.id].latency;
    std::uint64_t calls = 0;
    for (const std::uint64_t count : latency.buckets) calls += count;
    if (calls == 0) continue;
    fmt::format_to(std::back_inserter(out), "latency_percentiles_usec_{}:p50={}.000,p99={}.000,p99.9={}.000\r\n",
                   command.full_name, quantile_us(latency, calls, 0.5), quantile_us(latency, calls, 0.99),
                   quantile_us(latency, calls, 0.999));
  }
}

void cluster_section(std::string& out, const Facts&) { field(out, "cluster_enabled", 0); }

void keyspace_section(std::string& out, const Facts& facts) {
  for (std::size_t ns = 0; ns < facts.server.cache.options().namespaces; ++ns) {
    const cache::NamespaceSize size = facts.server.cache.size(static_cast<Namespace>(ns));
    if (size.items == 0) continue;
    fmt::format_to(std::back_inserter(out), "db{}:keys={},expires={},avg_ttl=0\r\n", ns, size.items, size.with_expiry);
  }
}

struct Section {
  std::string_view name;   // as asked for
  std::string_view title;  // as printed
  bool by_default;
  void (*write)(std::string&, const Facts&);
};

// clang-format off
constexpr std::array kSections = {
    Section{"server", "Server", true, server_section},
    Section{"clients", "Clients", true, clients_section},
    Section{"memory", "Memory", true, memory_section},
    Section{"persistence", "Persistence", true, persistence_section},
    Section{"stats", "Stats", true, stats_section},
    Section{"replication", "Replication", true, replication_section},
    Section{"cpu", "CPU", true, cpu_section},
    Section{"commandstats", "Commandstats", false, commandstats_section},
    Section{"errorstats", "Errorstats", true, errorstats_section},
    Section{"latencystats", "Latencystats", false, latencystats_section},
    Section{"cluster", "Cluster", true, cluster_section},
    Section{"keyspace", "Keyspace", true, keyspace_section},
};
// clang-format on

bool wanted(const Section& section, std::span<const std::string_view> names) {
  if (names.empty()) return section.by_default;
  return std::any_of(names.begin(), names.end(), [&section](std::string_view name) {
    return equals_ignoring_case(name, section.name) || equals_ignoring_case(name, "all") ||
           equals_ignoring_case(name, "everything") || (section.by_default && equals_ignoring_case(name, "default"));
  });
}

}  // namespace

std::string render_info(ServerState& server, std::span<const std::string_view> sections) {
  const Facts facts{server, server.statistics.since_reset(), server.cache.statistics(), os::wall_clock_ms()};
  std::string text;
  for (const Section& section : kSections) {
    if (!wanted(section, sections)) continue;
    if (!text.empty()) text += "\r\n";
    fmt::format_to(std::back_inserter(text), "# {}\r\n", section.title);
    section.write(text, facts);
  }
  return text;
}

}  // namespace strata::server
