// MEMORY: from the engine's own figures, which are exact.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/memory_figures.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

// Strings have no parts to take samples of, so the count is looked at and changes nothing.
bool parse_samples(Context& context) {
  const auto& args = context.args;
  if (args.size() == 3) return true;
  const bool has_value = args.size() == 5 && equals_ignoring_case(args[3], "samples");
  const auto samples = has_value ? parse_integer(args[4]) : std::nullopt;
  if (has_value && samples && *samples >= 0) return true;
  context.reply.error(has_value && !samples ? errors::kNotInteger : errors::kSyntax);
  return false;
}

Outcome usage(Context& context) {
  if (!parse_samples(context)) return Outcome::done;
  const auto bytes = context.server.cache.bytes_of(context.session, context.key(2));
  bytes ? context.reply.integer(static_cast<std::int64_t>(*bytes)) : context.reply.null();
  return Outcome::done;
}

std::uint64_t all_items(const Cache& cache) {
  std::uint64_t items = 0;
  for (std::size_t ns = 0; ns < cache.options().namespaces; ++ns) items += cache.size(static_cast<Namespace>(ns)).items;
  return items;
}

Outcome stats(Context& context) {
  const MemoryFigures memory = memory_figures(context.server);
  const std::uint64_t keys = all_items(context.server.cache);
  const std::array<std::pair<std::string_view, std::uint64_t>, 15> kNumbers = {
      {{"peak.allocated", memory.peak},
       {"total.allocated", memory.used},
       {"startup.allocated", memory.process},
       {"clients.normal", memory.clients},
       {"overhead.total", memory.overhead},
       {"keys.count", keys},
       {"keys.bytes-per-key", keys == 0 ? 0 : (memory.used - std::min(memory.used, memory.process)) / keys},
       {"dataset.bytes", memory.dataset},
       {"allocator.active", memory.allocator_active},
       {"allocator.resident", memory.allocator_resident},
       {"fragmentation.bytes", memory.rss - std::min(memory.rss, memory.used)},
       {"strata.limit", memory.limit},
       {"strata.index", memory.index},
       {"strata.segments", memory.segments},
       {"strata.segments.free", memory.segments_free}}};
  const std::array<std::pair<std::string_view, double>, 3> kRatios = {
      {{"dataset.percentage", 100 * ratio(memory.dataset, memory.used)},
       {"peak.percentage", 100 * ratio(memory.used, memory.peak)},
       {"fragmentation", ratio(memory.rss, memory.used)}}};
  context.reply.map(kNumbers.size() + kRatios.size());
  for (const auto& [name, number] : kNumbers) {
    context.reply.bulk(name);
    context.reply.integer(static_cast<std::int64_t>(number));
  }
  for (const auto& [name, number] : kRatios) {
    context.reply.bulk(name);
    context.reply.real(number);
  }
  return Outcome::done;
}

// What is worth a word: each with what to do about it.
std::vector<std::string> findings(const ServerState& server, const MemoryFigures& memory) {
  constexpr std::uint64_t kSmall = 16ULL << 20U;  // below it everything looks large beside everything
  constexpr std::uint64_t kMebibyte = 1ULL << 20U;
  std::vector<std::string> found;
  if (memory.used >= memory.limit - memory.limit / 50) {
    const std::uint64_t evicted = server.cache.statistics().evicted;
    found.push_back(
        fmt::format("The limit of {} MiB is reached; {} keys were evicted for it. More memory (memory.max_memory), or shorter "
                    "lifetimes, would keep more of them.",
                    memory.limit / kMebibyte, evicted));
  }
  if (memory.used > kSmall && memory.rss > memory.used + memory.used / 10)
    found.push_back(
        fmt::format("{} MiB are resident that the limit does not count: the program itself, and pages that others share with it.",
                    (memory.rss - memory.used) / kMebibyte));
  if (memory.segments > kSmall && memory.segments_free > memory.segments / 8)
    found.push_back(
        fmt::format("{:.0f} % of the memory for items is free between items. It serves new ones, and is given back by and by; "
                    "MEMORY PURGE gives back now what it can.",
                    100 * ratio(memory.segments_free, memory.segments)));
  if (memory.clients + memory.client_values > memory.limit / 10)
    found.push_back(fmt::format(
        "Clients hold {} MiB: requests that are not complete and replies that are not read. CLIENT LIST shows whose they "
        "are; limits.all_clients bounds them.",
        (memory.clients + memory.client_values) / kMebibyte));
  if (memory.peak > kSmall && memory.used < memory.peak / 2)
    found.push_back(fmt::format("{} MiB were in use at most, more than twice of now.", memory.peak / kMebibyte));
  return found;
}

Outcome doctor(Context& context) {
  const std::vector<std::string> found = findings(context.server, memory_figures(context.server));
  std::string text = found.empty() ? "Nothing about memory needs attention.\n" : "";
  for (const std::string& finding : found) fmt::format_to(std::back_inserter(text), "* {}\n", finding);
  context.reply.verbatim("txt", text);
  return Outcome::done;
}

// Empties segments as long as that frees any, and has the allocator give its free pages back.
class Purge {
 public:
  // Goes on until it has answered: at once, or a little later where it finds nothing to do as another thread is at it, or readers are waited for.
  static Outcome go_on(Context& context, const std::shared_ptr<Purge>& purge) {
    constexpr auto kPatience = std::chrono::milliseconds(2);
    if (purge->is_done(context.server.cache)) {
      strata_purge();
      context.reply.ok();
      return Outcome::done;
    }
    const auto rest = [purge](Context& later) { return go_on(later, purge); };
    if (purge->slice(context)) {
      context.suspension.resume_soon(rest);
    } else {
      context.suspension.resume_after(kPatience, rest);
    }
    return Outcome::suspended;
  }

 private:
  static constexpr std::uint64_t kWorthwhile = 20;  // a twentieth free is as little as it gets
  static constexpr unsigned kMostVain = 200;  // slices in a row; after a segment that can not be emptied none is begun for some

  [[nodiscard]] bool is_done(const Cache& cache) const {
    const cache::CompactionStatistics now = cache.compaction_statistics();
    return vain_ >= kMostVain || now.free_bytes * kWorthwhile <= now.segments_bytes;
  }
  // Whether it went on.
  bool slice(Context& context) {
    constexpr auto kSlice = std::chrono::microseconds(500);
    Cache& cache = context.server.cache;
    const bool more = cache.compact_now(context.session, kSlice);
    const std::uint64_t emptied = cache.compaction_statistics().segments_emptied;
    const bool went_on = more || emptied != emptied_;
    vain_ = went_on ? 0 : vain_ + 1;
    emptied_ = emptied;
    return went_on;
  }

  std::uint64_t emptied_ = 0;  // segments, by whoever it was
  unsigned vain_ = 0;
};

Outcome purge(Context& context) { return Purge::go_on(context, std::make_shared<Purge>()); }

Outcome malloc_stats(Context& context) {
  strata_held_memory held{};
  held.struct_bytes = sizeof held;
  if (strata_memory_held(&held) != STRATA_OK) {
    context.reply.error(errors::kNoAllocatorFigures);
    return Outcome::done;
  }
  std::string text = fmt::format("allocator: {}\n", memory_figures(context.server).allocator);
  const std::array<std::pair<std::string_view, std::uint64_t>, 11> kNumbers = {
      {{"reserved_bytes", held.reserved_bytes},
       {"committed_bytes", held.committed_bytes},
       {"in_use_bytes", held.in_use_bytes},
       {"dirty_free_bytes", held.dirty_free_bytes},
       {"purged_in_use_bytes", held.purged_in_use_bytes},
       {"resident_at_most_bytes", held.resident_at_most_bytes},
       {"map_bytes", held.map_bytes},
       {"purged_bytes", held.purged_bytes},
       {"purge_calls", held.purge_calls},
       {"purge_failures", held.purge_failures},
       {"refused", held.refused}}};
  for (const auto& [name, number] : kNumbers) fmt::format_to(std::back_inserter(text), "{}: {}\n", name, number);
  context.reply.verbatim("txt", text);
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    {"doctor", 2, 0, {}, "server", "4.0.0", "Says what about memory needs attention.", "O(1)", "", doctor},
    {"help", 2, kLoading | kStale, {}, "server", "4.0.0", "Returns helpful text about the different subcommands.", "O(1)", "",
     subcommand_help},
    {"malloc-stats", 2, 0, {}, "server", "4.0.0", "Returns what the allocator of the process holds.", "O(1)", "", malloc_stats},
    {"purge", 2, 0, {}, "server", "4.0.0", "Gives back to the system what memory is free, after moving items together.",
     "O(N) where N is the number of items that are moved", "", purge},
    {"stats", 2, 0, {}, "server", "4.0.0", "Returns what memory is used for.", "O(1)", "", stats},
    {"usage", -3, kReadonly, {2, 2, 1, KeyAccess::read_only_meta}, "server", "4.0.0",
     "Returns the bytes that a key takes: its item, its value and its place in the index.", "O(1)", "key [SAMPLES count]", usage},
};
constexpr CommandSpec kCommands[] = {
    {"memory", -2, 0, {}, "server", "4.0.0", "A container for commands that look at memory.", "Depends on the subcommand.", "", nullptr,
     kSubcommands},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> memory_commands() { return kCommands; }

}  // namespace strata::server
