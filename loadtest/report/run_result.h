#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loadtest/report/recorder.h"
#include "loadtest/run/look_aside_stream.h"
#include "loadtest/run/trace_stream.h"
#include "loadtest/run/verify_stream.h"

namespace strata::loadtest {

// What the server used while it was measured.
struct ServerUse {
  int pid = 0;
  double cpu_us_per_request = 0;
  std::uint64_t resident_bytes_before = 0;
  std::uint64_t resident_bytes_after = 0;
};

struct TraceResult {
  TraceCounts counts;
  std::uint64_t distinct_keys = 0;
  std::uint64_t footprint_bytes = 0;  // keys and values of all distinct keys
};

struct Verification {
  VerifyCounts counts;
  std::vector<std::string> findings;
};

struct Loaded {
  std::uint64_t items = 0;
  std::uint64_t items_on_server = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
};

// Everything a finished run has to tell.
struct RunResult {
  std::string started;  // UTC, ISO 8601
  Recorder recorder;
  double seconds = 0;
  double client_cpu_us_per_request = 0;
  bool encoded_ahead = false;
  std::uint64_t late_sends = 0;
  std::uint64_t dropped_connections = 0;
  std::optional<ServerUse> server;
  std::optional<TraceResult> trace;
  std::optional<LookAsideCounts> look_aside;
  std::optional<Verification> verification;
  std::optional<Loaded> loaded;
  std::vector<std::string> problems;  // empty: all went well

  [[nodiscard]] std::uint64_t requests() const { return recorder.latency().count(); }
};

}  // namespace strata::loadtest
