#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/api/strata.hpp"
#include "server/commands/client.h"
#include "server/commands/held_request.h"
#include "server/commands/reply.h"
#include "server/commands/server_state.h"
#include "server/commands/statistics.h"
#include "server/commands/table.h"

namespace strata::server {

class Context;

// The rest of a suspended command. It runs on the client's own thread with a fresh context that has no arguments: what
// it needs it carries. Dropped without running when the client is gone.
using Continuation = std::function<Outcome(Context&)>;

// What a command leaves its continuation with; then it returns Outcome::suspended.
class Suspension {
 public:
  // Until the delay is over, if there is one, or the client's wait() has been ended: the continuation finds there which it was.
  virtual void block(std::optional<std::chrono::milliseconds> delay, Continuation rest) = 0;
  // Carries the request out later, from the beginning: when the pause that it waits for is over.
  virtual void hold(std::unique_ptr<HeldRequest> request, std::chrono::milliseconds delay) = 0;
  virtual void resume_after(std::chrono::milliseconds delay, Continuation rest) = 0;
  // In the next turn of the loop, after other clients had theirs.
  virtual void resume_soon(Continuation rest) = 0;

 protected:
  ~Suspension() = default;
};

// One request being executed: everything a handler may know. It knows neither sockets nor the wire format.
// Valid for the call of the handler only.
class Context {
 public:
  ServerState& server;
  Client& client;
  Session& session;
  Reply& reply;
  LoopStatistics& statistics;
  Suspension& suspension;
  const Command* command = nullptr;
  std::span<const std::string_view> args;  // args[0] is the name; for a subcommand args[1] is its name
  std::span<const ValueRef> blocks;        // large arguments that were received into their final place
  Reply::Mark reply_begin;                 // where the reply to it begins, or to this slice
  std::uint64_t remarks_before = 0;        // those of the reply there

  const Key* key_ahead = nullptr;          // of args[1], where somebody has hashed that already
  std::uint64_t ticks = 0;                 // when the command before ended, if this one began then; afterwards, when this one did
  Client::Wait wait = Client::Wait::none;  // how the waiting of a blocked command has ended; waits: its time is over

  [[nodiscard]] Key key(std::size_t index) const noexcept {
    if (index == 1 && key_ahead != nullptr && key_ahead->ns == client.database()) return *key_ahead;
    return server.cache.key(client.database(), args[index]);
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return session.now_ms(); }

  // The block that argument `index` lies in, for the cache to adopt; empty if it lies among the other arguments.
  [[nodiscard]] ValueRef value_block(std::size_t index) const noexcept {
    for (const ValueRef& block : blocks) {
      if (block.view().data() == args[index].data()) return block;
    }
    return {};
  }
};

// Runs one request: looks the command up, checks arity, authentication and memory, calls the handler, keeps the statistics.
// The reply, an error included, is in context.reply unless the outcome is `suspended`.
Outcome execute(Context& context);

// Goes on with a suspended command.
Outcome resume(Context& context, const Continuation& rest);

}  // namespace strata::server
