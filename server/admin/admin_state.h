#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "engine/api/strata.hpp"
#include "server/admin/audit_log.h"
#include "server/admin/held_values.h"
#include "server/admin/request_counts.h"
#include "server/commands/server_state.h"

namespace strata::server::admin {

// What the handlers of the admin API share. Only the control thread uses it. Sessions hold it together with the
// AdminServer, since handlers that wait in the io_context may be destroyed after the AdminServer.
struct AdminState {
  explicit AdminState(ServerState& of_server) : server(of_server), session(of_server.cache.open_session()) {}

  ServerState& server;
  std::unique_ptr<Session> session;  // of the control thread
  RequestCounts requests;
  AuditLog audit;
  HeldValues held_values;
  std::atomic<bool> is_purging = false;
  std::jthread purge;  // the last one that was asked for, which may be over
  bool ready = false;
};

}  // namespace strata::server::admin
