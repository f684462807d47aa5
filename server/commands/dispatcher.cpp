#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "engine/api/strata.hpp"
#include "protocol/errors.h"
#include "server/access/permission.h"
#include "server/commands/command_log.h"
#include "server/commands/context.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

bool arity_fits(int arity, std::size_t words) noexcept {
  return arity >= 0 ? words == static_cast<std::size_t>(arity) : words >= static_cast<std::size_t>(-arity);
}

// A browser can be made to send requests to any port: the first line of a POST or the Host header gives it away before
// the body, which an attacker chooses, is taken for commands. As Redis does, end the connection without a word.
bool is_http(std::string_view word) noexcept { return equals_ignoring_case(word, "post") || equals_ignoring_case(word, "host:"); }

// The errors of a request that is not understood; not inline: what is usual has the registers.
[[gnu::noinline]] void refuse_unknown(Context& context) {
  if (!is_http(context.args[0])) return context.reply.error(errors::unknown_command(context.args));
  spdlog::warn("client {} ({}) speaks HTTP to the Redis port; disconnected", context.client.identity().id,
               context.client.identity().peer_address);
  context.client.close_after_reply = true;
}

[[gnu::noinline]] void refuse_arity(Context& context, const Command& command) {
  context.reply.error(errors::wrong_arity(command.full_name));
  context.statistics.command(command.id).rejected.add();
}

[[gnu::noinline]] const Command* resolve_subcommand(Context& context, const Command& container) {
  const Command* sub = CommandTable::find_subcommand(container, context.args[1]);
  if (container.has(kWordsTogether) && (sub == nullptr || !arity_fits(sub->spec->arity, context.args.size()))) {
    context.command = &container;
    context.reply.error(errors::subcommand_syntax(container.full_name, context.args[1]));
    return nullptr;
  }
  if (sub == nullptr) context.reply.error(errors::unknown_subcommand(container.full_name, context.args[1]));
  return sub;
}

// The command that was asked for, or null with the error already answered. context.command is the one that was asked for either way.
const Command* resolve(Context& context) {
  const Command* command = context.server.commands.find(context.args[0]);
  if (command == nullptr) [[unlikely]] {
    refuse_unknown(context);
    return nullptr;
  }
  if (!command->subcommands.empty() && context.args.size() > 1) {
    command = resolve_subcommand(context, *command);
    if (command == nullptr) return nullptr;
  }
  context.command = command;
  if (command->spec->handler == nullptr || !arity_fits(command->spec->arity, context.args.size())) [[unlikely]] {
    refuse_arity(context, *command);
    return nullptr;
  }
  return command;
}

// Whether the command may run now, as far as memory goes; if not, the error is answered.
bool has_room(Context& context, const Command& command) {
  if (!command.has(kDenyOom)) return true;
  std::size_t bytes = 0;
  for (const std::string_view arg : context.args) bytes += arg.size();
  for (const ValueRef& block : context.blocks) bytes -= std::min(bytes, block.size());  // charged since it was received
  // Room is made ahead as far as possible. What does not fit even so is judged by the cache itself, which knows what
  // the new value replaces; only a cache that is over its limit already refuses here.
  Cache& cache = context.server.cache;
  if (cache.make_room(context.session, bytes) == Status::ok || cache.make_room(context.session, 0) == Status::ok) return true;
  context.reply.error(errors::kOutOfMemory);
  return false;
}

// How long the request waits for the end of a pause; 0: it does not. Who is not let in waits for nothing, and is answered at once.
std::int64_t pause_ms(const Context& context, const Command& command) {
  const std::int64_t rest_ms = context.server.pause.remaining_ms(command.has(kWrite), context.now_ms());
  if (rest_ms <= 0 || context.server.acl.needs_log_in(context.client)) return 0;
  // One more, as of both moments the part of a millisecond is cut off: nobody goes on before the pause is over.
  return rest_ms + 1;
}

[[gnu::noinline]] Outcome hold(Context& context, std::int64_t rest_ms) {
  context.ticks = 0;
  context.suspension.hold(std::make_unique<HeldRequest>(context.server.cache.budget(), context.args, context.blocks),
                          std::chrono::milliseconds(rest_ms));
  return Outcome::suspended;
}

void count_latency(CommandCounters& counters, std::uint64_t nanoseconds) {
  counters.latency.buckets[Histogram<Counter>::bucket_of(nanoseconds)].add();
}

// A command that goes in slices is noted once, with the sum of them and the words of its request. What it waited between them is nobody's time.
void note_slice(Context& context, const Command& command, bool first_slice, Outcome outcome, const CommandLog::Measured& slice) {
  Client::Sliced& sum = context.client.sliced;
  if (first_slice)
    sum = {.nanoseconds = 0,
           .reply_bytes = 0,
           .request = std::make_shared<const KeptWords>(context.server.cache.budget(), slice.words, command)};
  sum.nanoseconds += slice.nanoseconds;
  sum.reply_bytes += slice.reply_bytes;
  if (outcome == Outcome::suspended) return;
  const Client::Sliced whole = std::exchange(sum, {});
  count_latency(context.statistics.command(command.id), whole.nanoseconds);
  context.server.command_log.note(
      {.nanoseconds = whole.nanoseconds, .reply_bytes = whole.reply_bytes, .words = {}, .kept = whole.request.get()}, command,
      context.client, context.now_ms());
}

// Of a command that took long, has failed, is large or goes in slices, or that somebody wants to hear of. Not inline: what is usual has the registers.
[[gnu::noinline]] void look_closer(Context& context, const Command& command, bool first_slice, Outcome outcome,
                                   std::uint64_t ticks) {
  const std::span<const std::string_view> words = context.args;  // of the request; a further slice has none
  const CommandLog::Measured slice{.nanoseconds = CycleClock::ticks_to_ns(ticks),
                                   .reply_bytes = context.reply.size_since(context.reply_begin),
                                   .words = words};
  CommandLog& log = context.server.command_log;
  CommandCounters& counters = context.statistics.command(command.id);
  if (first_slice) counters.other_calls.add();
  if (context.reply.has_failed_since(context.remarks_before)) {
    counters.failed.add();
    context.statistics.count_error(context.reply.last_error_code());
  }
  if (outcome == Outcome::suspended) context.statistics.traffic.suspended.add();
  if (context.server.latency.notes(slice.nanoseconds))
    context.server.latency.note(command.has(kFast) ? LatencyMonitor::Event::fast_command : LatencyMonitor::Event::command,
                                slice.nanoseconds, context.now_ms());
  if (first_slice) log.note_request(words, command, context.client, context.now_ms());
  if (!first_slice || outcome == Outcome::suspended) {
    note_slice(context, command, first_slice, outcome, slice);
  } else {
    count_latency(counters, slice.nanoseconds);
    log.note(slice, command, context.client, context.now_ms());
  }
  if (first_slice && context.server.monitors.is_watched() && !command.has(kAdmin))
    context.server.monitors.tell(command, words, context.client, context.now_ms());
}

// Counts a call that is over and of no interest beyond that, if it is.
[[gnu::always_inline]] inline bool is_counted(Context& context, CommandCounters& counters, std::uint64_t ticks) {
  const CloserLook& look = context.server.closer_look;
  if (context.reply.remarks() != context.remarks_before || look.is_due_for_reply(context.reply.capacity())) return false;
  if (look.is_usual(ticks)) {
    counters.usual_calls.add();
    return true;
  }
  if (look.is_due_for_time(ticks)) return false;
  counters.other_calls.add();
  count_latency(counters, CycleClock::ticks_to_ns(ticks));
  return true;
}

// Times `run` and books it for the command.
template <typename F>
Outcome measured(Context& context, const Command& command, bool first_slice, F&& run) {
  // What makes room first is not charged for what it evicts.
  const std::uint64_t start = context.ticks != 0 && !command.has(kDenyOom) ? context.ticks : CycleClock::ticks();
  const Outcome outcome = run();
  context.ticks = CycleClock::ticks();
  const std::uint64_t ticks = context.ticks - start;
  CommandCounters& counters = context.statistics.command(command.id);
  counters.ticks.add(ticks);
  const bool is_over = first_slice && outcome != Outcome::suspended;
  if (!is_over || !is_counted(context, counters, ticks)) [[unlikely]]
    look_closer(context, command, first_slice, outcome, ticks);
  return outcome;
}

// Of a command that is not carried out, or nothing: who speaks HTTP gets no answer.
[[gnu::noinline]] Outcome refuse(Context& context, const Command* command) {
  context.ticks = 0;
  if (command != nullptr) context.statistics.command(command->id).rejected.add();
  if (context.reply.has_failed_since(context.remarks_before)) context.statistics.count_error(context.reply.last_error_code());
  return Outcome::done;
}

}  // namespace

Outcome execute(Context& context) {
  context.command = nullptr;
  const Command* const command = resolve(context);
  if (command == nullptr) return refuse(context, nullptr);
  if (!context.server.gate.lets(context.client.access.pass)) [[unlikely]] {
    context.server.pause.end_if_over(context.now_ms());
    if (const std::int64_t rest_ms = pause_ms(context, *command); rest_ms != 0) return hold(context, rest_ms);
    if (!is_permitted(context, *command)) return refuse(context, command);
  }
  if (!has_room(context, *command)) return refuse(context, command);
  return measured(context, *command, true, [&] { return command->spec->handler(context); });
}

Outcome resume(Context& context, const Continuation& rest) {
  return measured(context, *context.command, false, [&] { return rest(context); });
}

}  // namespace strata::server
