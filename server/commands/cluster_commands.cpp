// What clients of a cluster ask for, answered as a Redis does that is part of none.
#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

Outcome refused(Context& context) {
  context.reply.error(errors::kNoCluster);
  return Outcome::done;
}

constexpr std::uint32_t kManages = kAdmin | kStale;
constexpr std::string_view kSummary = "Answers an error: the server is part of no cluster.";

constexpr CommandSpec row(std::string_view name, int arity, std::uint32_t flags, std::string_view since,
                          std::string_view syntax = "") {
  return {name, arity, flags, {}, "cluster", since, kSummary, "O(1)", syntax, refused};
}

// clang-format off
constexpr CommandSpec kSubcommands[] = {
    row("addslots", -3, kManages, "3.0.0", "slot [slot ...]"),
    row("addslotsrange", -4, kManages, "7.0.0", "start-slot end-slot [start-slot end-slot ...]"),
    row("bumpepoch", 2, kManages, "3.0.0"),
    row("count-failure-reports", 3, kAdmin | kStale, "3.0.0", "node-id"),
    row("countkeysinslot", 3, kStale, "3.0.0", "slot"),
    row("delslots", -3, kManages, "3.0.0", "slot [slot ...]"),
    row("delslotsrange", -4, kManages, "7.0.0", "start-slot end-slot [start-slot end-slot ...]"),
    row("failover", -2, kManages, "3.0.0", "[FORCE|TAKEOVER]"),
    row("flushslots", 2, kManages, "3.0.0"),
    row("forget", 3, kManages, "3.0.0", "node-id"),
    row("getkeysinslot", 4, kStale, "3.0.0", "slot count"),
    row("help", 2, kLoading | kStale, "5.0.0"),
    row("info", 2, kStale, "3.0.0"),
    row("keyslot", 3, kStale, "3.0.0", "key"),
    row("links", 2, kStale, "7.0.0"),
    row("meet", -4, kManages, "3.0.0", "ip port [cluster-bus-port]"),
    row("myid", 2, kStale, "3.0.0"),
    row("nodes", 2, kStale, "3.0.0"),
    row("replicas", 3, kAdmin | kStale, "5.0.0", "node-id"),
    row("replicate", 3, kManages, "3.0.0", "node-id"),
    row("reset", -2, kManages, "3.0.0", "[HARD|SOFT]"),
    row("saveconfig", 2, kManages, "3.0.0"),
    row("set-config-epoch", 3, kManages, "3.0.0", "config-epoch"),
    row("setslot", -4, kManages, "3.0.0", "slot IMPORTING node-id|MIGRATING node-id|NODE node-id|STABLE"),
    row("shards", 2, kStale, "7.0.0"),
    row("slaves", 3, kAdmin | kStale, "3.0.0", "node-id"),
    row("slots", 2, kStale, "3.0.0"),
};
constexpr CommandSpec kCommands[] = {
    row("asking", 1, kFast | kAboutConnections, "3.0.0"),
    {"cluster", -2, 0, {}, "cluster", "3.0.0", "A container for commands of clusters.", "Depends on subcommand.", "", nullptr, kSubcommands},
    row("readonly", 1, kFast | kLoading | kStale | kAboutConnections, "3.0.0"),
    row("readwrite", 1, kFast | kLoading | kStale | kAboutConnections, "3.0.0"),
};
// clang-format on

}  // namespace

std::span<const CommandSpec> cluster_commands() { return kCommands; }

}  // namespace strata::server
