#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "engine/api/strata.hpp"
#include "server/access/acl_registry.h"
#include "server/commands/client.h"
#include "server/commands/client_pause.h"
#include "server/commands/closer_look.h"
#include "server/commands/command_gate.h"
#include "server/commands/command_log.h"
#include "server/commands/latency_monitor.h"
#include "server/commands/monitor_feed.h"
#include "server/commands/statistics.h"
#include "server/commands/table.h"
#include "server/settings_store.h"

namespace strata::server {

// Settings that hot paths read, each a relaxed atomic; App::apply writes them at start and at every change of the configuration.
struct RuntimeLimits {
  std::atomic<std::size_t> max_clients{10000};
  std::atomic<std::int64_t> idle_timeout_ms{0};
  std::atomic<std::int64_t> tcp_keepalive_seconds{300};
  std::atomic<std::size_t> query_buffer_bytes{1ULL << 30};
  std::atomic<std::size_t> output_buffer_bytes{256ULL << 20};
  std::atomic<std::uint64_t> all_clients_bytes{~std::uint64_t{0}};
  std::atomic<std::size_t> bulk_bytes{512ULL << 20};
  std::atomic<std::size_t> arguments{1024ULL * 1024};
  std::atomic<bool> protected_mode{true};
};

// Facts about this process that never change after start.
struct ProcessFacts {
  std::string run_id;  // 40 hexadecimal digits, new at every start
  std::string replication_id;  // likewise
  std::int64_t started_at_ms = 0;
  std::string executable;
  std::string config_file;
  std::uint16_t port = 0;  // the real one, also when 0 was asked for in a test
  unsigned threads = 1;
};

// What commands may use of the server. Each member takes care of its own thread safety.
struct ServerState {
  Cache& cache;
  SettingsStore& settings;
  const CommandTable& commands;
  ClientRegistry& clients;
  Statistics& statistics;
  RuntimeLimits& limits;
  AclRegistry& acl;
  const CommandGate& gate;
  const CloserLook& closer_look;
  CommandLog& command_log;
  LatencyMonitor& latency;
  ClientPause& pause;
  MonitorFeed& monitors;
  const ProcessFacts& facts;
  // Begins a graceful stop; returns at once.
  std::function<void()> request_shutdown;
};

}  // namespace strata::server
