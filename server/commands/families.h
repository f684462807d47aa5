#pragma once

#include <span>

#include "server/commands/command.h"

namespace strata::server {

// The rows of each family, defined in the file of the same name. A new family is one more line here and in table.cpp.
std::span<const CommandSpec> connection_commands();
std::span<const CommandSpec> acl_commands();
std::span<const CommandSpec> client_commands();
std::span<const CommandSpec> command_commands();
std::span<const CommandSpec> cluster_commands();
std::span<const CommandSpec> config_commands();
std::span<const CommandSpec> string_commands();
std::span<const CommandSpec> counter_commands();
std::span<const CommandSpec> range_commands();
std::span<const CommandSpec> conditional_commands();
std::span<const CommandSpec> lcs_commands();
std::span<const CommandSpec> latency_commands();
std::span<const CommandSpec> log_commands();
std::span<const CommandSpec> monitor_commands();
std::span<const CommandSpec> memory_commands();
std::span<const CommandSpec> replication_commands();
std::span<const CommandSpec> lolwut_commands();
std::span<const CommandSpec> bitmap_commands();
std::span<const CommandSpec> bitop_commands();
std::span<const CommandSpec> bitfield_commands();
std::span<const CommandSpec> key_commands();
std::span<const CommandSpec> move_commands();
std::span<const CommandSpec> object_commands();
std::span<const CommandSpec> dump_commands();
std::span<const CommandSpec> expiry_commands();
std::span<const CommandSpec> keyspace_commands();
std::span<const CommandSpec> server_commands();

}  // namespace strata::server
