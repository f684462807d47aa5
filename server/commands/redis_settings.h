#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/commands/server_state.h"

namespace strata::server {

// A parameter under the name that Redis gives it. Clients and tools ask for these; each is a key of our configuration
// under another name, or a fact that can not be changed.
struct RedisSetting {
  std::string_view name;  // "maxmemory"
  std::string_view path;  // "memory.max_memory"; empty for a fact
  // The value as Redis prints it; null: as the key itself does.
  std::string (*value)(const ServerState& server, const config::Settings& settings);
  // What a number without a unit counts under this name, where the key itself takes it for something else.
  std::string_view unit{};
};

[[nodiscard]] std::span<const RedisSetting> redis_settings() noexcept;
[[nodiscard]] const RedisSetting* find_redis_setting(std::string_view name) noexcept;  // without regard to case

// What a client sets a parameter to, in the words of the key.
[[nodiscard]] std::string own_value(const RedisSetting& setting, std::string_view given);
// The value of a parameter as CONFIG GET answers it.
[[nodiscard]] std::string redis_value(const RedisSetting& setting, const ServerState& server, const config::Settings& settings);

}  // namespace strata::server
