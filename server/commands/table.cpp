#include "server/commands/table.h"

#include <algorithm>
#include <cassert>

#include "server/commands/families.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

std::size_t bucket_of(std::string_view name, std::size_t buckets) noexcept {
  std::uint32_t hash = 2166136261U;  // FNV-1a over the lower-cased name
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(to_lower(c))) * 16777619U;
  return (hash ^ (hash >> 15U)) & (buckets - 1);
}

}  // namespace

CommandTable::CommandTable() {
  for (const auto& family :
       {connection_commands(), acl_commands(),        client_commands(),  command_commands(),     config_commands(),
        string_commands(),     counter_commands(),    range_commands(),   conditional_commands(), lcs_commands(),
        latency_commands(),    log_commands(),        cluster_commands(), bitmap_commands(),      bitop_commands(),
        bitfield_commands(),   key_commands(),        move_commands(),    object_commands(),      dump_commands(),
        expiry_commands(),     keyspace_commands(),   server_commands(),  monitor_commands(),     memory_commands(),
        lolwut_commands(),     replication_commands()}) {
    for (const CommandSpec& spec : family) {
      const Command* command = add(spec, nullptr);
      top_.push_back(command);
      std::size_t at = bucket_of(spec.name, kBuckets);
      while (buckets_[at] != nullptr) at = (at + 1) & (kBuckets - 1);
      buckets_[at] = command;
    }
  }
  assert(top_.size() * 2 < kBuckets);
  std::sort(top_.begin(), top_.end(), [](const Command* a, const Command* b) { return a->full_name < b->full_name; });
}

const Command* CommandTable::add(const CommandSpec& spec, const Command* container) {
  Command& command = all_.emplace_back();
  command.spec = &spec;
  command.container = container;
  command.full_name = container == nullptr ? std::string(spec.name) : container->full_name + "|" + std::string(spec.name);
  command.id = all_.size() - 1;
  for (const CommandSpec& sub : spec.subcommands) command.subcommands.push_back(add(sub, &command));
  return &command;
}

const Command* CommandTable::find(std::string_view name) const noexcept {
  std::size_t at = bucket_of(name, kBuckets);
  while (buckets_[at] != nullptr) {
    if (equals_ignoring_case(name, buckets_[at]->spec->name)) return buckets_[at];
    at = (at + 1) & (kBuckets - 1);
  }
  return nullptr;
}

const Command* CommandTable::find_subcommand(const Command& container, std::string_view name) noexcept {
  for (const Command* sub : container.subcommands) {
    if (equals_ignoring_case(name, sub->spec->name)) return sub;
  }
  return nullptr;
}

const Command* CommandTable::find_full(std::string_view full_name) const noexcept {
  const std::size_t bar = full_name.find('|');
  const Command* command = find(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_subcommand(*command, full_name.substr(bar + 1));
}

}  // namespace strata::server
