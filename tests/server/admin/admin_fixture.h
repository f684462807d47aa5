#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/api/strata.hpp"
#include "server/admin/admin_state.h"
#include "server/admin/response.h"
#include "server/commands/server_state.h"

namespace strata::server::admin {

// A server without sockets: a real cache, real settings and statistics, and the handlers of the admin API called directly.
class AdminFixture : public testing::Test {
 protected:
  explicit AdminFixture(config::Settings settings = default_settings());

  // A token, a small body limit, the admin API on a free port.
  static config::Settings default_settings();
  static constexpr std::string_view kToken = "open-sesame";

  // One request with the token, run to its end; counts the slices it took.
  Response call(std::string_view method, std::string_view target, std::string body = {});
  // The same; expects the status and gives the JSON of the answer.
  boost::json::value call_json(unsigned status, std::string_view method, std::string_view target, std::string body = {});

  void set(std::string_view key, std::string_view value, Namespace database = 0, std::int64_t expire_at_ms = kNoExpiry);
  bool has(std::string_view key, Namespace database = 0);
  std::uint64_t keys(Namespace database = 0) { return cache_.size(database).items; }
  std::uint64_t buffer_bytes() { return cache_.budget().bytes(Purpose::client_buffers); }

  Cache cache_;
  SettingsStore store_;
  CommandTable commands_;
  ClientRegistry clients_;
  Statistics statistics_;
  RuntimeLimits limits_;
  CommandGate gate_;
  AclRegistry acl_{commands_, gate_};
  CloserLook closer_look_;
  CommandLog command_log_{closer_look_};
  LatencyMonitor latency_{closer_look_};
  ClientPause pause_{gate_};
  MonitorFeed monitors_{closer_look_};
  ProcessFacts facts_;
  ServerState server_;
  LoopStatistics& loop_;
  AdminState state_;
  std::unique_ptr<Session> session_;
  std::size_t slices_ = 0;  // of the last call
  // The headers of the next calls.
  std::string accept_;
  std::string if_match_;
};

}  // namespace strata::server::admin
