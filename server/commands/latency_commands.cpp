// LATENCY: what LatencyMonitor has noted, and how long commands take.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/latency_monitor.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;
using Event = LatencyMonitor::Event;
using History = LatencyMonitor::History;

std::optional<Event> event_of(std::string_view name) {
  for (std::size_t i = 0; i < LatencyMonitor::kNames.size(); ++i) {
    if (name == LatencyMonitor::kNames[i]) return static_cast<Event>(i);
  }
  return std::nullopt;
}

struct Noted {
  std::string_view name;
  History history;
};
// Of what something was noted.
std::vector<Noted> all_noted(const Context& context) {
  std::vector<Noted> all;
  for (std::size_t i = 0; i < LatencyMonitor::kNames.size(); ++i) {
    History history = context.server.latency.history(static_cast<Event>(i));
    if (!history.samples.empty()) all.push_back({.name = LatencyMonitor::kNames[i], .history = std::move(history)});
  }
  return all;
}

Outcome latest(Context& context) {
  const std::vector<Noted> all = all_noted(context);
  Reply& reply = context.reply;
  reply.array(all.size());
  for (const auto& [name, history] : all) {
    reply.array(4);
    reply.bulk(name);
    reply.integer(history.samples.back().at_s);
    reply.integer(static_cast<std::int64_t>(history.samples.back().ms));
    reply.integer(static_cast<std::int64_t>(history.longest_ms));
  }
  return Outcome::done;
}

Outcome history(Context& context) {
  const auto event = event_of(context.args[2]);
  const History history = event ? context.server.latency.history(*event) : History{};
  context.reply.array(history.samples.size());
  for (const LatencyMonitor::Sample& sample : history.samples) {
    context.reply.array(2);
    context.reply.integer(sample.at_s);
    context.reply.integer(static_cast<std::int64_t>(sample.ms));
  }
  return Outcome::done;
}

Outcome reset(Context& context) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < LatencyMonitor::kNames.size(); ++i) {
    const auto asked = context.args.subspan(2);
    const bool is_asked = asked.empty() || std::find(asked.begin(), asked.end(), LatencyMonitor::kNames[i]) != asked.end();
    if (is_asked && context.server.latency.reset(static_cast<Event>(i))) ++count;
  }
  context.reply.integer(count);
  return Outcome::done;
}

std::uint64_t median_of(std::vector<LatencyMonitor::Sample> samples) {
  std::ranges::sort(samples, {}, &LatencyMonitor::Sample::ms);
  return samples[samples.size() / 2].ms;
}

Outcome doctor(Context& context) {
  std::string text;
  if (!context.server.latency.is_on())
    text = "Nothing is noted: CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n";
  for (const auto& [name, history] : all_noted(context)) {
    fmt::format_to(std::back_inserter(text),
                   "{}: {} seconds with one that took long, from {} to {}; the median {} ms, the longest {} ms.\n", name,
                   history.samples.size(), history.samples.front().at_s, history.samples.back().at_s, median_of(history.samples),
                   history.longest_ms);
  }
  if (text.empty()) text = "Nothing took as long as latency-monitor-threshold says.\n";
  context.reply.verbatim("txt", text);
  return Outcome::done;
}

// A column a sample, the newest on the right, its height by the longest.
Outcome graph(Context& context) {
  constexpr std::size_t kColumns = 80, kRows = 8;
  const auto event = event_of(context.args[2]);
  History history = event ? context.server.latency.history(*event) : History{};
  auto& samples = history.samples;
  if (samples.empty()) {
    context.reply.error(errors::no_latency_samples(context.args[2]));
    return Outcome::done;
  }
  if (samples.size() > kColumns) samples.erase(samples.begin(), samples.end() - kColumns);
  std::uint64_t most = 1;
  for (const auto& sample : samples) most = std::max(most, sample.ms);
  std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n", context.args[2], most,
                                 std::ranges::min(samples, {}, &LatencyMonitor::Sample::ms).ms, history.longest_ms);
  for (std::size_t row = kRows; row > 0; --row) {
    for (const auto& sample : samples) text += sample.ms * kRows >= most * row ? '#' : row == 1 ? '_' : ' ';
    text += '\n';
  }
  fmt::format_to(std::back_inserter(text), "{} to {} seconds ago\n", context.now_ms() / 1000 - samples.front().at_s,
                 context.now_ms() / 1000 - samples.back().at_s);
  context.reply.verbatim("txt", text);
  return Outcome::done;
}

void answer_histogram(Reply& reply, const CommandStatistics& counts) {
  const auto& buckets = counts.latency.buckets;
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<std::int64_t>(counts.calls));
  reply.bulk("histogram_usec");
  reply.map(static_cast<std::size_t>(std::ranges::count_if(buckets, [](std::uint64_t count) { return count != 0; })));
  std::uint64_t sum = 0;
  for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    if (buckets[bucket] == 0) continue;
    sum += buckets[bucket];
    reply.integer(static_cast<std::int64_t>(Histogram<std::uint64_t>::upper_bound_microseconds(bucket)));
    reply.integer(static_cast<std::int64_t>(sum));
  }
}

// Of all commands that were called, or those asked for; of a container, its subcommands.
Outcome histogram(Context& context) {
  const StatisticsSnapshot counts = context.server.statistics.since_reset();
  const auto asked = context.args.subspan(2);
  std::vector<const Command*> shown;
  for (const Command& command : context.server.commands.all()) {
    const std::string_view name = command.full_name;
    const std::string_view container = command.container != nullptr ? std::string_view(command.container->full_name) : name;
    const bool is_asked = asked.empty() || std::ranges::any_of(asked, [&](std::string_view word) {
                            return equals_ignoring_case(word, name) || equals_ignoring_case(word, container);
                          });
    if (is_asked && counts.commands[command.id].calls != 0) shown.push_back(&command);
  }
  context.reply.map(shown.size());
  for (const Command* const command : shown) {
    context.reply.bulk(command->full_name);
    answer_histogram(context.reply, counts.commands[command->id]);
  }
  return Outcome::done;
}

constexpr std::uint32_t kOperates = kAdmin | kNoScript | kLoading | kStale;

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"doctor", 2, kOperates, {}, "server", "2.8.13", "Returns a summary of what took long.", "O(1)", "", doctor},
    {"graph", 3, kOperates, {}, "server", "2.8.13", "Returns a graph of when an event took long.", "O(1)", "event", graph},
    {"help", 2, kLoading | kStale, {}, "server", "2.8.13", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"histogram", -2, kOperates, {}, "server", "7.0.0", "Returns how many calls of commands took how long.",
     "O(N) where N is the number of commands with latency information being retrieved.", "[command [command ...]]", histogram},
    {"history", 3, kOperates, {}, "server", "2.8.13", "Returns when an event took long.", "O(1)", "event", history},
    {"latest", 2, kOperates, {}, "server", "2.8.13", "Returns the last time that each event took long, and the longest.", "O(1)", "", latest},
    {"reset", -2, kOperates, {}, "server", "2.8.13", "Forgets what took long: of all events, or of those named.", "O(1)", "[event [event ...]]",
     reset},
};
constexpr CommandSpec kCommands[] = {
    {"latency", -2, 0, {}, "server", "2.8.13", "A container for commands that tell what took long.", "Depends on subcommand.", "", nullptr,
     kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> latency_commands() { return kCommands; }

}  // namespace strata::server
